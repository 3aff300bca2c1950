package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSketch compares the kernels with the definition, to the bit.
func TestSketch(t *testing.T) {
	everyKernel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{0, 1, 7, 8, 9, 63, 64, 65, 1000, Buckets - 1, Buckets} {
			for range 20 {
				x, turn := make([]float32, n), r.IntN(Buckets)
				for i := range x {
					x[i] = float32(r.NormFloat64()) * float32(math.Pow(2, float64(r.IntN(60)-40)))
				}
				var signs [Buckets / 64]uint64
				for i := range signs {
					signs[i] = r.Uint64()
				}
				var got, want [Buckets]float64
				var squares, wanted [8]float64
				for i := range got {
					got[i] = r.NormFloat64()
				}
				want = got
				for i, v := range x {
					if signs[i/64]>>(i%64)&1 == 1 {
						v = -v
					}
					want[i^turn] += float64(v)
					wanted[(i^turn)%8] += float64(float64(v) * float64(v))
				}
				Sketch(&got, &squares, x, turn, &signs)
				if got != want || squares != wanted {
					t.Fatalf("%d elements, turn %d: not as defined", n, turn)
				}
			}
		}
	})
}

func BenchmarkSketch(b *testing.B) {
	x := make([]float32, Buckets)
	var sums [Buckets]float64
	var squares [8]float64
	var signs [Buckets / 64]uint64
	for i := range signs {
		signs[i] = uint64(i) * 0x9e3779b97f4a7c15
	}
	b.SetBytes(2 * Buckets)
	for i := range b.N {
		Sketch(&sums, &squares, x, i%Buckets, &signs)
	}
}
