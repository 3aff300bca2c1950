package optimize

import (
	"math"
	"testing"
)

// TestPolish: a smooth function is brought down to rounding, within budget.
func TestPolish(t *testing.T) {
	for _, n := range []int{1, 2, 8, 26} {
		for _, budget := range []int{1, 7, 60, 2000} {
			calls := 0
			f := func(x []float64) (float64, error) {
				calls++
				v := 0.0
				for i := range x {
					d := x[i] - 0.1*float64(i%7)
					v += float64(1+i) * d * d
					if i > 0 {
						d -= x[i-1] - 0.1*float64((i-1)%7)
						v += d * d
					}
				}
				return v, nil
			}
			s := Settings{Box: cube(n, -1, 2), Sampler: samplerRandom, Trials: 20, Polish: budget, Seed: 1}
			all, best := trials(t, f, s)
			checkTrials(t, s, all, best)
			if calls > 20+budget {
				t.Errorf("%d dimensions: %d evaluations in a polish of %d", n, calls-20, budget)
			}
			if budget == 2000 && (best.By != byPolish || best.Value > 1e-13) {
				t.Errorf("%d dimensions: polished to %g by %s", n, best.Value, best.By)
			}
		}
	}
}

// TestPolishKink: where LBFGS stops at a kink, Nelder-Mead goes on.
func TestPolishKink(t *testing.T) {
	f := func(x []float64) (float64, error) {
		return math.Abs(x[0]-0.4) + 2*math.Abs(x[1]-x[0]) + math.Abs(x[2]+1), nil
	}
	s := Settings{Box: cube(3, -1, 2), Sampler: samplerCMAES, Trials: 100, Polish: 1500, Seed: 1}
	if _, best := trials(t, f, s); best.Value > 1e-9 || best.By != byPolish {
		t.Errorf("polished to %g at %v by %s", best.Value, best.X, best.By)
	}
}
