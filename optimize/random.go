package optimize

import (
	"math"
	"math/rand/v2"

	"github.com/c-bata/goptuna"

	"mixmatch/merge/portable"
)

var _ goptuna.RelativeSampler = anywhere{}

// An anywhere samples evenly in the box. Each trial has a random stream of its own,
// from the seed and its number.
type anywhere struct {
	space *space
	seed  int64
}

// SampleRelative returns the next point.
func (u anywhere) SampleRelative(_ *goptuna.Study, trial goptuna.FrozenTrial, _ map[string]interface{}) (map[string]float64, error) {
	rng := rand.New(rand.NewPCG(mix(u.seed, trial.Number), 0))
	x := make([]float64, len(u.space.free))
	for k := range x {
		x[k] = rng.Float64()
	}
	return u.space.params(x), nil
}

// normals draws standard normal numbers by the polar method (Marsaglia, Bray 1964),
// the same on every processor. (rand.NormFloat64 is not, once in some thousands.)
type normals struct {
	rng    *rand.Rand
	spare  float64 // they come in pairs
	spared bool
}

func (n *normals) draw() float64 {
	if n.spared {
		n.spared = false
		return n.spare
	}
	for {
		u, v := float64(n.rng.Float64())-0.5, float64(n.rng.Float64())-0.5
		r := 4 * (square(u) + square(v))
		if r > 0 && r < 1 {
			f := 2 * math.Sqrt(-2*portable.Log(r)/r)
			n.spare, n.spared = f*v, true
			return f * u
		}
	}
}

// square returns x*x, rounded.
func square(x float64) float64 { return float64(x * x) }
