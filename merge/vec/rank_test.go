package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRank(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 70; n++ {
		x := matrix(r, n)
		x[r.IntN(n)] = float32(math.Inf(-1))
		if got := Max(x); got != slices.Max(x) {
			t.Errorf("%d numbers: the greatest is %v, not %v", n, got, slices.Max(x))
		}
		x[r.IntN(n)] = float32(math.NaN())
		limit := x[r.IntN(n)] // nothing is NaN or more
		mask := make([]byte, (n+7)/8)
		for i := range mask {
			mask[i] = byte(r.Uint32())
		}
		AtLeast(mask, x, limit)
		for i, b := range mask {
			for k := range 8 {
				want := 8*i+k < n && x[8*i+k] >= limit
				if b>>k&1 == 1 != want {
					t.Errorf("%d numbers: bit %d of byte %d is not %v", n, k, i, want)
				}
			}
		}
	}
}
