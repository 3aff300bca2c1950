package optimize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// cube is [lo, hi] in n dimensions.
func cube(n int, lo, hi float64) Box {
	return Box{Lower: slices.Repeat([]float64{lo}, n), Upper: slices.Repeat([]float64{hi}, n)}
}

// sphere has its minimum, 0, at center in every dimension.
func sphere(center float64) func([]float64) (float64, error) {
	return func(x []float64) (float64, error) {
		v := 0.0
		for _, x := range x {
			v += (x - center) * (x - center)
		}
		return v, nil
	}
}

func rastrigin(x []float64) (float64, error) {
	v := 0.0
	for _, x := range x {
		v += x*x - 10*math.Cos(2*math.Pi*x) + 10
	}
	return v, nil
}

// trials runs s and returns what it noted, and the best.
func trials(t *testing.T, f func([]float64) (float64, error), s Settings) ([]Trial, Trial) {
	t.Helper()
	var noted []Trial
	s.Note = func(n Trial) error { noted = append(noted, n); return nil }
	best, err := Minimize(t.Context(), f, s)
	if err != nil {
		t.Fatal(err)
	}
	return noted, best
}

func sameTrial(a, b Trial) bool {
	return a.Number == b.Number && a.By == b.By && slices.EqualFunc(a.X, b.X, sameBits) && sameBits(a.Value, b.Value)
}

// checkTrials holds what is true of every search.
func checkTrials(t *testing.T, s Settings, all []Trial, best Trial) {
	t.Helper()
	least := all[0]
	for i, x := range all {
		want := s.Sampler
		switch {
		case i == 0 && s.Start != nil:
			want = byStart
		case i == len(all)-1 && x.By == byPolish && s.Polish > 0:
			want = byPolish
		}
		if x.Number != i || x.By != want {
			t.Fatalf("trial %d is number %d by %q; want %q", i, x.Number, x.By, want)
		}
		if !s.Box.contains(x.X) {
			t.Fatalf("trial %d is outside the box: %v", i, x.X)
		}
		if math.IsNaN(x.Value) || x.Value > Penalty {
			t.Fatalf("trial %d has value %g", i, x.Value)
		}
		if x.Value < least.Value {
			least = x
		}
	}
	if !sameTrial(best, least) {
		t.Errorf("best is %+v; want %+v", best, least)
	}
}

// TestSamplers holds every sampler to one contract.
func TestSamplers(t *testing.T) {
	for _, name := range Samplers() {
		for _, n := range []int{1, 2, 8, 26} {
			for _, start := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/start=%v", name, n, start), func(t *testing.T) {
					t.Parallel()
					s := Settings{Name: "s", Box: cube(n, -1, 2), Sampler: name, Trials: 120, Seed: 7}
					if start {
						s.Start = slices.Repeat([]float64{1}, n)
					}
					contract(t, s)
				})
			}
		}
	}
}

func contract(t *testing.T, s Settings) {
	all, best := trials(t, sphere(0.3), s)
	checkTrials(t, s, all, best)
	lost := s.Sampler == samplerRandom && len(s.Box.Lower) > 8 // chance alone finds little there
	if all[0].Value <= best.Value && !lost {
		t.Errorf("no improvement on %g", best.Value)
	}
	again, _ := trials(t, sphere(0.3), s)
	if !slices.EqualFunc(all, again, sameTrial) {
		t.Error("the same seed gives other trials")
	}
	s.Seed++
	other, _ := trials(t, sphere(0.3), s)
	for i := range other {
		if i == 0 && s.Start != nil {
			continue
		}
		if slices.Equal(all[i].X, other[i].X) {
			t.Fatalf("seeds %d and %d share trial %d", s.Seed-1, s.Seed, i)
		}
	}
}

// TestMinimizes: a larger value is never taken for a better one.
func TestMinimizes(t *testing.T) {
	f := func(x []float64) (float64, error) { return x[0] + x[1] - 1000, nil }
	for _, name := range Samplers() {
		s := Settings{Box: cube(2, -1, 2), Sampler: name, Trials: 300, Polish: 60, Seed: 1}
		all, best := trials(t, f, s)
		checkTrials(t, s, all, best)
		if best.Value != -1002 { // the polish reaches the corner itself
			t.Errorf("%s: best %v, %g; want the lower corner", name, best.X, best.Value)
		}
		// The sampler alone goes there too.
		late := all[len(all)-50 : len(all)-1]
		mean := 0.0
		for _, x := range late {
			mean += x.Value / float64(len(late))
		}
		if name != samplerRandom && mean > -1000.5 {
			t.Errorf("%s: late trials have mean %g", name, mean)
		}
	}
}

// TestBadValues: NaN and infinities neither stop a search nor win it.
func TestBadValues(t *testing.T) {
	f := func(x []float64) (float64, error) {
		switch {
		case x[0] < 0:
			return math.NaN(), nil
		case x[0] < 0.2:
			return math.Inf(-1), nil
		case x[1] < 0:
			return math.Inf(1), nil
		}
		return sphere(0.3)(x)
	}
	for _, name := range Samplers() {
		for what, f := range map[string]func([]float64) (float64, error){
			"some": f, "all": func([]float64) (float64, error) { return math.NaN(), nil },
		} {
			s := Settings{Box: cube(2, -1, 2), Sampler: name, Start: []float64{-0.5, 1}, Trials: 700, Polish: 80, Seed: 5}
			all, best := trials(t, f, s)
			checkTrials(t, s, all, best)
			if all[0].Value != Penalty {
				t.Errorf("%s: NaN is stored as %g", name, all[0].Value)
			}
			if what == "some" && best.Value > 1e-2 || what == "all" && best.Number != 0 {
				t.Errorf("%s, %s: best is %+v", name, what, best)
			}
		}
	}
}

func TestStops(t *testing.T) {
	boom := errors.New("boom")
	for _, name := range Samplers() {
		s := Settings{Name: "IN04", Box: cube(2, -1, 2), Sampler: name, Start: []float64{1, 1}, Trials: 20, Polish: 90, Seed: 3}
		whole, _ := trials(t, sphere(0.3), s)
		for _, at := range []int{0, 1, 9, 20, 21, 40} { // from 21 on in the polish
			// In f.
			calls, noted := 0, []Trial(nil)
			s.Note = func(n Trial) error { noted = append(noted, n); return nil }
			best, err := Minimize(t.Context(), func(x []float64) (float64, error) {
				if calls++; calls > at {
					return 0, boom
				}
				return sphere(0.3)(x)
			}, s)
			if !errors.Is(err, boom) || !strings.Contains(err.Error(), "IN04") {
				t.Errorf("%s: error %v", name, err)
			}
			n := min(at, 21)
			if !slices.EqualFunc(noted, whole[:n], sameTrial) {
				t.Errorf("%s: error in call %d: %d trials noted", name, at, len(noted))
			}
			if (n == 0) != (best.X == nil) {
				t.Errorf("%s: best after %d is %v", name, n, best)
			}
			// By the context.
			ctx, cancel := context.WithCancel(t.Context())
			calls, noted = 0, nil
			_, err = Minimize(ctx, func(x []float64) (float64, error) {
				if calls++; calls == at {
					cancel()
				}
				if calls > at && at > 0 {
					t.Errorf("%s: evaluated after the end", name)
				}
				return sphere(0.3)(x)
			}, s)
			cancel()
			if at > 0 && (!errors.Is(err, context.Canceled) || len(noted) != n) {
				t.Errorf("%s: cancelled in call %d: error %v, %d noted", name, at, err, len(noted))
			}
			// In Note; the trial counts, the caller having seen it.
			if at >= 21 {
				continue
			}
			calls, noted = 0, nil
			s.Note = func(n Trial) error {
				if noted = append(noted, n); len(noted) > at {
					return boom
				}
				return nil
			}
			if _, err = Minimize(t.Context(), sphere(0.3), s); !errors.Is(err, boom) || len(noted) != at+1 {
				t.Errorf("%s: error in note %d: %v", name, at, err)
			}
		}
		// A dead context evaluates nothing.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := Minimize(ctx, func([]float64) (float64, error) { t.Error("evaluated"); return 0, nil }, s)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFixed: fixed dimensions keep their value, and are no dimensions.
func TestFixed(t *testing.T) {
	for _, name := range Samplers() {
		s := Settings{Box: cube(3, -1, 2), Sampler: name, Trials: 30, Polish: 30, Seed: 2}
		s.Box.Lower[1], s.Box.Upper[1] = 0.25, 0.25
		all, best := trials(t, sphere(0.3), s)
		checkTrials(t, s, all, best)
		two, _ := trials(t, sphere(0.3), Settings{Box: cube(2, -1, 2), Sampler: name, Trials: 30, Seed: 2})
		for i, x := range all[:30] {
			if x.X[1] != 0.25 || x.X[0] != two[i].X[0] || x.X[2] != two[i].X[1] {
				t.Fatalf("%s: trial %d is at %v; without the fixed dimension at %v", name, i, x.X, two[i].X)
			}
		}
		// All fixed, or no dimension at all: one point.
		for _, b := range []Box{cube(2, 0.5, 0.5), {}} {
			for start, by := range map[bool]string{true: byStart, false: name} {
				s := Settings{Box: b, Sampler: name, Trials: 30, Polish: 30}
				if start {
					s.Start = make([]float64, len(b.Lower))
				}
				all, best := trials(t, sphere(0.5), s)
				if len(all) != 1 || best.By != by || best.Value != 0 || !slices.Equal(best.X, b.Lower) {
					t.Errorf("%s: box %v: %v", name, b, all)
				}
				s.Done = all
				if rest, _ := trials(t, sphere(0.5), s); len(rest) != 0 {
					t.Errorf("%s: resumed: %v", name, rest)
				}
			}
		}
	}
}

func TestStart(t *testing.T) {
	for _, name := range Samplers() {
		// Without trials, the start is the answer; outside, it is moved in.
		s := Settings{Box: cube(2, -1, 2), Sampler: name, Start: []float64{-7, 0.1 + 0.2}}
		all, best := trials(t, sphere(0), s)
		if len(all) != 1 || best.By != byStart || !slices.Equal(best.X, []float64{-1, 0.1 + 0.2}) {
			t.Errorf("%s: %v", name, all)
		}
		// And with them nothing is worse than the start, be it the optimum.
		s.Start, s.Trials, s.Polish = []float64{0.3, 0.3}, 50, 50
		if _, best := trials(t, sphere(0.3), s); best.Number != 0 {
			t.Errorf("%s: %v is better than the optimum", name, best)
		}
	}
}

func TestSettings(t *testing.T) {
	good := Settings{Name: "n", Box: cube(2, 0, 1), Sampler: samplerRandom, Start: []float64{0, 0}, Trials: 1}
	for what, change := range map[string]func(*Settings){
		"sampler":       func(s *Settings) { s.Sampler = "nsga" },
		"no sampler":    func(s *Settings) { s.Sampler = "" },
		"bounds":        func(s *Settings) { s.Box.Upper = s.Box.Upper[:1] },
		"order":         func(s *Settings) { s.Box.Lower[1] = 2 },
		"nan bound":     func(s *Settings) { s.Box.Lower[1] = math.NaN() },
		"inf bound":     func(s *Settings) { s.Box.Upper[1] = math.Inf(1) },
		"inf fixed":     func(s *Settings) { s.Box.Lower[1], s.Box.Upper[1] = math.Inf(1), math.Inf(1) },
		"width":         func(s *Settings) { s.Box.Lower[1], s.Box.Upper[1] = -1e308, 1e308 },
		"trials":        func(s *Settings) { s.Trials = -1 },
		"polish":        func(s *Settings) { s.Polish = -1 },
		"sigma":         func(s *Settings) { s.Sigma = -0.1 },
		"nan sigma":     func(s *Settings) { s.Sigma = math.NaN() },
		"start":         func(s *Settings) { s.Start = []float64{1} },
		"nan start":     func(s *Settings) { s.Start[0] = math.NaN() },
		"nothing to do": func(s *Settings) { s.Start, s.Trials = nil, 0 },
	} {
		s := good
		s.Box = cube(2, 0, 1)
		s.Start = slices.Clone(good.Start)
		change(&s)
		if _, err := Minimize(t.Context(), sphere(0), s); err == nil || !strings.Contains(err.Error(), `study "n"`) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, err := Minimize(t.Context(), nil, good); err == nil {
		t.Error("no function, no error")
	}
}

// TestScratch: f may write into its argument without harm.
func TestScratch(t *testing.T) {
	s := Settings{Box: cube(3, -1, 2), Sampler: samplerCMAES, Trials: 50, Polish: 20}
	want, _ := trials(t, sphere(0.3), s)
	got, _ := trials(t, func(x []float64) (float64, error) {
		v, _ := sphere(0.3)(x)
		clear(x)
		return v, nil
	}, s)
	if !slices.EqualFunc(want, got, sameTrial) {
		t.Error("the function changed the search")
	}
}
