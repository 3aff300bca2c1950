package similarity

import (
	"slices"
	"testing"
)

// TestTriangle looks at single rows, and stops between them.
func TestTriangle(t *testing.T) {
	p := []float64{1, 2.5, -3, 4, 1e300, -0.125}
	tri := NewTriangle(p, 3)
	p[0] = 7 // it has its own
	if got, want := tri.Own(), []float64{1, 4, -0.125}; !slices.Equal(got, want) {
		t.Errorf("own products %v; want %v", got, want)
	}
	for i, row := range tri.some(func(i int) bool { return i == 1 }) {
		if i != 1 || !slices.Equal(row, []float64{4, 1e300}) {
			t.Errorf("row %d is %v", i, row)
		}
	}
	for i, row := range tri.Rows() {
		if i != 0 || !slices.Equal(row, []float64{1, 2.5, -3}) {
			t.Errorf("row %d is %v", i, row)
		}
		break
	}
	if n := len((Triangle{}).Unpack(nil)); n != 0 {
		t.Errorf("none has %d products", n)
	}
}

// BenchmarkUnpack unpacks the products of 200 models with a target, of numbers as
// differences of float16 have them.
func BenchmarkUnpack(b *testing.B) {
	const rows = 202
	r := newRand(12)
	p := make([]float64, triangle(rows))
	for i := range p {
		p[i] = float64(int64(r.NormFloat64()*(1<<36))) / (1 << 48)
	}
	tri := NewTriangle(p, rows)
	b.SetBytes(int64(8 * len(p)))
	for b.Loop() {
		p = tri.Unpack(p)
	}
}
