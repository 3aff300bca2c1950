package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSub compares with plain differences, at odd lengths, offsets and
// magnitudes.
func TestSub(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 70 {
		for off := range 4 {
			x, dst := make([]float32, n+off), make([]float32, n+off)
			want := make([]float32, n)
			for i := range x {
				x[i] = float32(math.Ldexp(r.NormFloat64(), r.IntN(40)-20))
				dst[i] = float32(math.Ldexp(r.NormFloat64(), r.IntN(40)-20))
			}
			for i := range want {
				want[i] = dst[off+i] - x[off+i]
			}
			Sub(dst[off:], x[off:])
			for i := range want {
				if math.Float32bits(dst[off+i]) != math.Float32bits(want[i]) {
					t.Fatalf("length %d at %d: element %d is %v; want %v", n, off, i, dst[off+i], want[i])
				}
			}
		}
	}
}

func BenchmarkSub(b *testing.B) {
	x, dst := make([]float32, 4096), make([]float32, 4096)
	b.SetBytes(4 * 4096)
	for b.Loop() {
		Sub(dst, x)
	}
}
