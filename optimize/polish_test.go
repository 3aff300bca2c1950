package optimize

import (
	"errors"
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

// TestGradient: with a gradient, a polish needs no evaluations for differences,
// also where the optimum lies on bounds and dimensions are fixed.
func TestGradient(t *testing.T) {
	center := []float64{0.3, 3, -1.5, 0.9, 0, 1.2, -0.2, 0.5} // the second and the third are outside
	const fixed = 4
	calls := 0
	f := func(g, x []float64) (float64, error) {
		calls++
		v := 0.0
		for i := range x {
			d := x[i] - center[i] + 0.3*(x[fixed]-1)
			v += float64(1+i*i) * (d*d + 0.1*d*d*d*d)
			g[i] = float64(1+i*i) * (2*d + 0.4*d*d*d)
		}
		return v, nil
	}
	value := func(x []float64) (float64, error) { return f(make([]float64, len(x)), x) }
	box := cube(len(center), -1, 2)
	box.Lower[fixed], box.Upper[fixed] = 1, 1
	s := Settings{Box: box, Sampler: samplerRandom, Trials: 5, Polish: 400, Seed: 1, Gradient: f}
	all, best := trials(t, value, s)
	checkTrials(t, s, all, best)
	if calls > 5+400 {
		t.Errorf("%d evaluations in a polish of 400", calls-5)
	}
	for i, x := range best.X {
		want := min(max(center[i], box.Lower[i]), box.Upper[i])
		if math.Abs(x-want) > 1e-6 {
			t.Errorf("dimension %d: %v, not %v", i, x, want)
		}
	}
	s.Gradient = nil
	if _, other := trials(t, value, s); other.Value <= best.Value {
		t.Errorf("400 evaluations reach %v without a gradient, %v with it", other.Value, best.Value)
	}

	sick := errors.New("sick")
	for name, gradient := range map[string]func(g, x []float64) (float64, error){
		"error": func(_, _ []float64) (float64, error) { return 0, sick },
		"NaN":   func(g, _ []float64) (float64, error) { g[0] = math.NaN(); return math.NaN(), nil },
	} {
		s.Gradient = gradient
		best, err := Minimize(t.Context(), value, s)
		if name == "error" != errors.Is(err, sick) || best.X == nil {
			t.Errorf("%s: %v, %v", name, best, err)
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

// TestDescents holds the local searches on their own to functions with narrow and
// bent valleys, and to what ends them.
func TestDescents(t *testing.T) {
	valley := func(x []float64) float64 { // Rosenbrock's, least at 1, 1, ...
		v := 0.0
		for i := range x[:len(x)-1] {
			a, b := 1-x[i], x[i+1]-x[i]*x[i]
			v += a*a + 100*b*b
		}
		return v
	}
	slope := func(g, x []float64) {
		clear(g)
		for i := range x[:len(x)-1] {
			b := x[i+1] - x[i]*x[i]
			g[i] += -2*(1-x[i]) - 400*x[i]*b
			g[i+1] += 200 * b
		}
	}
	for _, n := range []int{2, 5, 10} {
		for name, search := range map[string]func(x []float64, value func([]float64) float64, over func() bool){
			"lbfgs": func(x []float64, value func([]float64) float64, over func() bool) { lbfgs(x, value, slope, over) },
			"nelderMead": func(x []float64, value func([]float64) float64, over func() bool) {
				nelderMead(x, 0.1, value, over)
			},
		} {
			for _, budget := range []int{0, 1, 30, 100_000} {
				calls, best := 0, math.Inf(1)
				value := func(x []float64) float64 {
					calls++
					v := valley(x)
					best = min(best, v)
					return v
				}
				x := make([]float64, n)
				for i := range x {
					x[i] = -0.5 + float64(i%2)
				}
				from := valley(x)
				search(x, value, func() bool { return calls >= budget })
				switch {
				case calls > budget+n+2: // the first simplex, and what was begun
					t.Errorf("%s in %d dimensions: %d calls of %d", name, n, calls, budget)
				case budget == 30 && !(best < from):
					t.Errorf("%s in %d dimensions: from %v to %v", name, n, from, best)
				case budget > 30 && best > 1e-12:
					t.Errorf("%s in %d dimensions: %v after %d calls", name, n, best, calls)
				}
			}
		}
	}
	// Nothing to gain: flat, and no numbers at all.
	for _, v := range []float64{0, 1, math.NaN(), math.Inf(1)} {
		calls := 0
		flat := func([]float64) float64 { calls++; return v }
		never := func() bool { return calls > 10_000 }
		lbfgs([]float64{0, 0}, flat, func(g, _ []float64) { clear(g) }, never)
		nelderMead([]float64{0, 0}, 0.1, flat, never)
		if calls > 1000 {
			t.Errorf("%v everywhere: %d calls", v, calls)
		}
	}
}
