package optimize

import (
	"math"
	"slices"
	"testing"
)

// TestBoundOptimum: goptuna's own sampler proposes NaN, or stops, when the
// minimum lies on the bound. Here half of the dimensions have it there, or
// beyond it.
func TestBoundOptimum(t *testing.T) {
	center := []float64{0, 0.4, -0.5, 0.7, 1, 0.2, 1.5, 0.5}
	want := []float64{0, 0.4, 0, 0.7, 1, 0.2, 1, 0.5}
	f := func(x []float64) (float64, error) {
		v := 0.0
		for i := range x {
			d := x[i] - center[i] + 0.3*(x[(i+1)%8]-want[(i+1)%8]) // dimensions depend on each other
			v += d * d
		}
		return v, nil
	}
	floor, _ := f(want)
	for seed := range int64(10) {
		s := Settings{Box: cube(8, 0, 1), Sampler: samplerCMAES, Trials: 3000, Seed: seed}
		all, best := trials(t, f, s)
		checkTrials(t, s, all, best)
		// The bounds that bind bind exactly.
		if best.X[2] != 0 || best.X[6] != 1 {
			t.Errorf("seed %d: best %v is not on the bound", seed, best.X)
		}
		if best.Value > floor+1e-9 {
			t.Errorf("seed %d: best %g; %v has %g", seed, best.Value, want, floor)
		}
		s.Trials, s.Polish = 300, 600
		if _, polished := trials(t, f, s); polished.Value > best.Value+1e-9 {
			t.Errorf("seed %d: polished %g; best %g", seed, polished.Value, best.Value)
		}
	}
}

// TestTouchesBounds: a minimum in the corner is found by every sampler, as far
// as its nature allows.
func TestTouchesBounds(t *testing.T) {
	for name, tol := range map[string]float64{samplerCMAES: 0, samplerTPE: 0.02, samplerRandom: 0.2} {
		s := Settings{Box: cube(2, -1, 2), Sampler: name, Trials: 300, Seed: 4}
		f := func(x []float64) (float64, error) { return x[0] - x[1], nil }
		if _, best := trials(t, f, s); best.X[0] > -1+tol || best.X[1] < 2-tol {
			t.Errorf("%s: best is %v", name, best.X)
		}
	}
}

// TestRestarts: on a function with many minima, restarts find what one run of
// the same optimizer does not.
func TestRestarts(t *testing.T) {
	const seeds, budget = 8, 6000
	with, without := 0.0, 0.0
	for seed := range int64(seeds) {
		box := cube(4, -5, 5)
		_, best := trials(t, rastrigin, Settings{Box: box, Sampler: samplerCMAES, Trials: budget, Seed: seed})
		with += best.Value / seeds

		e := newCMAES(newSpace(box), Settings{Box: box, Seed: seed})
		opt := newStrategy(e.mean, e.sigma, 0, mix(seed, 0))
		least := math.Inf(1)
		for !opt.over() {
			var gen []point
			for range opt.lambda {
				u, ok := opt.ask()
				if !ok {
					t.Fatal("no point")
				}
				v, _ := rastrigin(e.space.point(u))
				least = min(least, v)
				gen = append(gen, point{u, v})
			}
			penalize(gen)
			opt.tell(gen)
		}
		without += least / seeds
	}
	t.Logf("mean best of Rastrigin-4: %.2f with restarts, %.2f without", with, without)
	if !(with < 0.6*without) {
		t.Errorf("mean best %.2f with restarts, %.2f without", with, without)
	}
}

// TestConverges: goptuna's optimizer, which moves its mean by a constant in every
// generation, never stopped here, and so never began again.
func TestConverges(t *testing.T) {
	for _, factor := range []float64{1e-3, 1, 1e6} {
		f := func(x []float64) (float64, error) { v, err := rastrigin(x); return factor * v, err }
		s := Settings{Box: cube(8, -5, 5.3), Sampler: samplerCMAES, Trials: 5000, Seed: 1}
		r, err := newRun(t.Context(), newStore(), f, s)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.run(); err != nil {
			t.Fatal(err)
		}
		e := r.study.RelativeSampler.(*evolution)
		if e.restart == 0 || e.opt.lambda <= e.popsize {
			t.Errorf("factor %g: %d restarts, a population of %d after %d", factor, e.restart, e.opt.lambda, e.popsize)
		}
	}
}

// TestSeeds: no two streams are alike, and neither zero nor one is special.
func TestSeeds(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := int64(-50); seed < 50; seed++ {
		for stream := range 100 {
			seen[mix(seed, stream)] = true
		}
	}
	if n := len(seen); n < 9800 { // neighbours on the diagonal are different too
		t.Errorf("%d seeds of 10000", n)
	}
	for _, name := range Samplers() {
		zero, _ := trials(t, sphere(0), Settings{Box: cube(2, -1, 2), Sampler: name, Trials: 60})
		for i, a := range zero {
			for _, b := range zero[:i] {
				if slices.Equal(a.X, b.X) {
					t.Fatalf("%s: trials %d and %d are at the same point", name, a.Number, b.Number)
				}
			}
		}
	}
}

// TestQuality keeps each sampler from getting worse unnoticed, on a sphere of 8
// dimensions.
func TestQuality(t *testing.T) {
	for _, tt := range []struct {
		sampler string
		trials  int
		least   float64 // the mean best value has to be below
	}{
		{samplerCMAES, 300, 1e-2},
		{samplerCMAES, 1000, 1e-7},
		{samplerCMAES, 3000, 1e-15},
		{samplerTPE, 300, 0.5},
		{samplerRandom, 1000, 1.5},
	} {
		mean := 0.0
		for seed := range int64(5) {
			s := Settings{Box: cube(8, -1, 2), Sampler: tt.sampler, Trials: tt.trials, Seed: seed}
			_, best := trials(t, sphere(0.3), s)
			mean += best.Value / 5
		}
		t.Logf("%s: mean best after %d trials: %.2g", tt.sampler, tt.trials, mean)
		if mean > tt.least {
			t.Errorf("%s: mean best after %d trials %g; want below %g", tt.sampler, tt.trials, mean, tt.least)
		}
	}
}

// TestSigma: from a good start, a small step serves better than a large one.
func TestSigma(t *testing.T) {
	near := slices.Repeat([]float64{0.31}, 8)
	value := map[float64]float64{}
	for _, sigma := range []float64{0, warmSigma, coldSigma} {
		for seed := range int64(5) {
			s := Settings{Box: cube(8, -1, 2), Sampler: samplerCMAES, Start: near, Sigma: sigma, Trials: 200, Seed: seed}
			_, best := trials(t, sphere(0.3), s)
			value[sigma] += best.Value
		}
	}
	if value[0] != value[warmSigma] || !(value[warmSigma] < value[coldSigma]) {
		t.Errorf("sum of values by sigma: %v", value)
	}
}

// TestMixture: the density integrates to 1, is drawn from where it is, and the
// score of a candidate is a number (stock TPE's never is).
func TestMixture(t *testing.T) {
	points := [][]float64{{0}, {0.02}, {0.5}, {1}, {1}, {0.3}}
	m := newMixture(points, []int{0, 1, 2, 3, 4, 5}, 0)
	const n = 20000
	sum := 0.0
	for i := range n {
		l := m.logDensity((float64(i) + 0.5) / n)
		if math.IsNaN(l) || math.IsInf(l, 0) {
			t.Fatalf("log density %g", l)
		}
		sum += math.Exp(l) / n
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Errorf("density integrates to %g", sum)
	}
	for _, k := range [][]int{nil, {0}, {3, 4}} {
		if l := newMixture(points, k, 0).logDensity(0.9); math.IsNaN(l) || math.IsInf(l, 0) {
			t.Errorf("%v: log density %g", k, l)
		}
	}
}
