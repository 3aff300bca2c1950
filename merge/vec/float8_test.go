package vec

import (
	"math"
	"testing"
)

var eights = []struct {
	name     string
	widen    func([]float32, []byte)
	narrow   func([]byte, []float32)
	round    func([]float32)
	sumUlp2  func([]byte) float64
	exponent uint // bits
	fraction uint
	largest  float64
	past     float32 // what is beyond the largest
}{
	{"E4M3", WidenE4M3, NarrowE4M3, RoundE4M3, SumUlp2E4M3, 4, 3, 448, float32(math.NaN())},
	{"E5M2", WidenE5M2, NarrowE5M2, RoundE5M2, SumUlp2E5M2, 5, 2, 57344, float32(math.Inf(1))},
}

func same(a, b float32) bool {
	return a == b && math.Signbit(float64(a)) == math.Signbit(float64(b)) || a != a && b != b
}

// TestWiden8 compares all 256 numbers with the definition of the formats.
func TestWiden8(t *testing.T) {
	for _, f := range eights {
		src := make([]byte, 256)
		for i := range src {
			src[i] = byte(i)
		}
		got := make([]float32, 256)
		f.widen(got, src)
		bias := 1<<(f.exponent-1) - 1
		for i, v := range got {
			e, m := i>>f.fraction&(1<<f.exponent-1), i&(1<<f.fraction-1)
			want := math.Ldexp(1+float64(m)/float64(int(1)<<f.fraction), e-bias)
			if e == 0 {
				want = math.Ldexp(float64(m)/float64(int(1)<<f.fraction), 1-bias)
			}
			switch {
			case f.name == "E4M3" && i&0x7f == 0x7f:
				want = math.NaN()
			case f.name == "E5M2" && e == 31 && m == 0:
				want = math.Inf(1)
			case f.name == "E5M2" && e == 31:
				want = math.NaN()
			}
			if i >= 128 {
				want = -want
			}
			if !same(v, float32(want)) {
				t.Errorf("%s %#02x: got %v; want %v", f.name, i, v, want)
			}
		}
	}
}

// TestNarrow8 compares with the nearest number, found by trying all, for the
// numbers themselves, all ties and their neighbours, and every 10,007th float32.
func TestNarrow8(t *testing.T) {
	for _, f := range eights {
		src := make([]byte, 128)
		for i := range src {
			src[i] = byte(i)
		}
		all := make([]float32, 128)
		f.widen(all, src)
		var finite []float32
		for _, v := range all {
			if v-v == 0 {
				finite = append(finite, v)
			}
		}
		nearest := func(x float32) float32 {
			if x != x {
				return x
			}
			a, best := math.Abs(float64(x)), 0
			for i, v := range finite {
				d, least := math.Abs(float64(v)-a), math.Abs(float64(finite[best])-a)
				if d < least || d == least && i%2 == 0 {
					best = i
				}
			}
			v := finite[best]
			// Half way to what would come next, ties to even: that of E4M3 is the odd 0x7f.
			next := 2*float64(finite[len(finite)-1]) - float64(finite[len(finite)-2])
			half := (f.largest + next) / 2
			if a > half || a == half && f.name == "E5M2" {
				v = f.past
			}
			return float32(math.Copysign(float64(v), float64(x)))
		}
		var x []float32
		add := func(v float32) {
			b := math.Float32bits(v)
			for _, b := range []uint32{b - 1, b, b + 1} {
				x = append(x, math.Float32frombits(b), math.Float32frombits(b^1<<31))
			}
		}
		for i, v := range finite {
			add(v)
			if i > 0 {
				add((v + finite[i-1]) / 2)
			}
		}
		add(464)
		add(480)
		add(61440)
		add(65536)
		add(float32(math.Inf(1)))
		for b := uint64(0); b < 1<<32; b += 10_007 {
			x = append(x, math.Float32frombits(uint32(b)))
		}
		stored, got := make([]byte, len(x)), make([]float32, len(x))
		f.narrow(stored, x)
		f.widen(got, stored)
		rounded := append([]float32{}, x...)
		f.round(rounded)
		for i, v := range x {
			if want := nearest(v); !same(got[i], want) || !same(rounded[i], want) {
				t.Fatalf("%s of %v (%#08x): got %v, rounded %v; want %v", f.name, v, math.Float32bits(v), got[i], rounded[i], want)
			}
		}
	}
}

// TestSumUlp28 compares with the distance to the next larger number.
func TestSumUlp28(t *testing.T) {
	for _, f := range eights {
		for i := range 127 {
			var v [2]float32
			f.widen(v[:], []byte{byte(i), byte(i + 1)})
			if math.IsInf(float64(v[0]), 0) || math.IsNaN(float64(v[0])) || math.IsInf(float64(v[1]), 0) || math.IsNaN(float64(v[1])) {
				continue
			}
			want := math.Pow(float64(v[1]-v[0]), 2)
			if got := f.sumUlp2([]byte{byte(i), byte(i) | 0x80}); got != 2*want {
				t.Errorf("%s %#02x: got %v; want %v", f.name, i, got, 2*want)
			}
		}
		if got := f.sumUlp2([]byte{0x7f, 0xff}); got != 0 {
			t.Errorf("%s NaN: %v", f.name, got)
		}
	}
}
