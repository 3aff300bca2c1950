package optimize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestReplay cuts a run at every point and goes on from there.
func TestReplay(t *testing.T) {
	for _, name := range Samplers() {
		for _, start := range [][]float64{nil, {0.9, 0, 1.5}} {
			t.Run(fmt.Sprintf("%s/start=%v", name, start != nil), func(t *testing.T) {
				t.Parallel()
				s := Settings{Box: cube(3, -1, 2), Sampler: name, Start: start, Trials: 40, Polish: 90, Seed: 3}
				calls := 0
				f := func(x []float64) (float64, error) {
					calls++
					v, err := rastrigin(x)
					if x[0] > 1.5 { // penalties are replayed too
						v = math.NaN()
					}
					return v, err
				}
				all, best := trials(t, f, s)
				checkTrials(t, s, all, best)
				if all[len(all)-1].By != byPolish {
					t.Fatal("the polish found nothing")
				}
				whole := calls
				for cut := range len(all) + 1 {
					calls = 0
					s.Done = all[:cut]
					rest, b := trials(t, f, s)
					if !slices.EqualFunc(rest, all[cut:], sameTrial) || !sameTrial(b, best) {
						t.Fatalf("cut at %d: another search", cut)
					}
					want := whole - cut
					if cut == len(all) {
						want = 0
					}
					if calls != want {
						t.Errorf("cut at %d: %d evaluations; want %d", cut, calls, want)
					}
				}
			})
		}
	}
}

// TestReplayLong goes through many generations and some restarts of CMA-ES.
func TestReplayLong(t *testing.T) {
	s := Settings{Box: cube(2, -4, 5), Sampler: samplerCMAES, Trials: 3000, Seed: 11}
	all, best := trials(t, rastrigin, s)
	for _, cut := range []int{1, 5, 6, 7, 500, 1501, 2222, 2999} {
		s.Done = all[:cut]
		rest, b := trials(t, rastrigin, s)
		if !slices.EqualFunc(rest, all[cut:], sameTrial) || !sameTrial(b, best) {
			t.Fatalf("cut at %d: another search", cut)
		}
	}
}

func TestErrReplay(t *testing.T) {
	for _, name := range Samplers() {
		s := Settings{Box: cube(2, -1, 2), Sampler: name, Start: []float64{1, 1}, Trials: 20, Polish: 50, Seed: 3}
		all, _ := trials(t, sphere(0.3), s)
		last := len(all) - 1
		if all[last].By != byPolish {
			t.Fatal("no polish")
		}
		for _, tt := range []struct {
			what   string
			change func(done []Trial, s *Settings) []Trial
		}{
			{"x", func(d []Trial, _ *Settings) []Trial { d[7].X = []float64{1, 0}; return d }},
			{"one bit", func(d []Trial, _ *Settings) []Trial {
				d[7].X = []float64{d[7].X[0], math.Nextafter(d[7].X[1], 9)}
				return d
			}},
			{"start", func(d []Trial, _ *Settings) []Trial { d[0].X = []float64{1, 0}; return d }},
			{"dimensions", func(d []Trial, _ *Settings) []Trial { d[7].X = d[7].X[:1]; return d }},
			{"number", func(d []Trial, _ *Settings) []Trial { d[7].Number = 8; return d }},
			{"by", func(d []Trial, _ *Settings) []Trial { d[7].By = "sobol"; return d }},
			{"value", func(d []Trial, _ *Settings) []Trial { d[7].Value = math.NaN(); return d }},
			{"infinite value", func(d []Trial, _ *Settings) []Trial { d[7].Value = math.Inf(-1); return d }},
			{"order", func(d []Trial, _ *Settings) []Trial { d[7], d[8] = d[8], d[7]; return d }},
			{"hole", func(d []Trial, _ *Settings) []Trial { return slices.Delete(d, 7, 8) }},
			{"too many", func(d []Trial, _ *Settings) []Trial { return append(d, Trial{Number: len(d), X: d[1].X}) }},
			{"polish outside", func(d []Trial, _ *Settings) []Trial { d[last].X = []float64{3, 0}; return d }},
			{"polish worse", func(d []Trial, _ *Settings) []Trial { d[last].Value = 9; return d }},
			{"no polish planned", func(d []Trial, s *Settings) []Trial { s.Polish = 0; return d }},
			{"seed", func(d []Trial, s *Settings) []Trial { s.Seed++; return d }},
			{"box", func(d []Trial, s *Settings) []Trial { s.Box = cube(2, -1, 2.5); return d }},
			{"trials", func(d []Trial, s *Settings) []Trial { s.Trials--; return d }},
			{"no start", func(d []Trial, s *Settings) []Trial { s.Start = nil; return d }},
		} {
			s := s
			s.Done = tt.change(slices.Clone(all), &s)
			s.Note = func(Trial) error { return errors.New("noted") }
			if _, err := Minimize(t.Context(), sphere(0.3), s); !errors.Is(err, ErrReplay) {
				t.Errorf("%s: %s changed: error %v", name, tt.what, err)
			}
		}
	}
}
