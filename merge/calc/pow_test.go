package calc

import (
	"math"
	"math/rand/v2"
	"testing"

	"mixmatch/merge/portable"
)

func TestPow(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		x, g := float32(r.Float64()), float32(4*r.Float64())
		if r.IntN(4) == 0 {
			x = math.Float32frombits(r.Uint32N(0x3f800000))
		}
		if got, want := portable.Exp(float64(g)*portable.Log(float64(x))), math.Pow(float64(x), float64(g)); want > 1e-45 && math.Abs(got-want) > 1e-13*want {
			t.Fatalf("%v^%v: got %v; want %v", x, g, got, want)
		}
	}
	for _, tt := range []struct{ x, g, want float32 }{
		{0, 0, 1}, {0, 0.3, 0}, {1, 0.3, 1}, {0.25, 0.5, 0.5}, {0.5, 2, 0.25}, {0.5, 3, 0.125}, {0.3, 1, 0.3}, {1e-38, 100, 0}, {0.5, 1e30, 0},
	} {
		if got := pow(tt.x, tt.g); got != tt.want {
			t.Errorf("%v^%v: got %v; want %v", tt.x, tt.g, got, tt.want)
		}
	}
}
