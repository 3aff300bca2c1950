package optimize

import (
	"math"
	"slices"
	"testing"
)

// FuzzMinimize holds every search that is accepted to what a search promises.
func FuzzMinimize(f *testing.F) {
	f.Add(uint8(0), int64(0), -1.0, 2.0, 0.1, 0.5, 0.0, 1.0)
	f.Add(uint8(1), int64(1), 0.0, 1.0, 3.0, 1.0, 0.3, 1.0)
	f.Add(uint8(2), int64(-1), math.Copysign(0, -1), 1.0, 0.0, 0.0, 10.0, 1e308)
	f.Add(uint8(3), int64(9), -1e307, 1e307, 1e308, -1e308, 1e-300, -1e308)
	f.Add(uint8(0), int64(math.MinInt64), 0.0, 5e-324, 0.0, 5e-324, 0.2, 1e-300)
	f.Add(uint8(4), int64(math.MaxInt64), 1.0, 1.0000000000000002, 1.0, 1.0, 0.2, 1.0)
	f.Add(uint8(5), int64(3), 0.1, 0.3, 0.1, 0.2, 0.2, math.Inf(-1))
	f.Fuzz(func(t *testing.T, sampler uint8, seed int64, lo, hi, start, center, sigma, factor float64) {
		s := Settings{
			Box:     Box{Lower: []float64{lo, -1, lo}, Upper: []float64{hi, 2, lo}},
			Sampler: Samplers()[int(sampler)%3], Sigma: sigma,
			Trials: 30, Polish: 20, Seed: seed,
		}
		if sampler/3%2 == 0 {
			s.Start = []float64{start, start, start}
		}
		g := func(x []float64) (float64, error) {
			v, err := sphere(center)(x)
			return factor * v, err
		}
		var all []Trial
		s.Note = func(x Trial) error { all = append(all, x); return nil }
		best, err := Minimize(t.Context(), g, s)
		if err != nil {
			if len(all) > 0 {
				t.Fatalf("error after %d trials: %v", len(all), err)
			}
			t.Skip(err)
		}
		checkTrials(t, s, all, best)
		s.Done = slices.Clone(all[:len(all)/2])
		rest, b := trials(t, g, s)
		if !slices.EqualFunc(rest, all[len(s.Done):], sameTrial) || !sameTrial(b, best) {
			t.Fatal("resumed to another search")
		}
	})
}
