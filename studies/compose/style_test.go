package compose

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/recipe"
)

// checkStyle checks what a style promises of a recipe for so many sources.
func checkStyle(t *testing.T, style Style, r *recipe.Recipe) {
	t.Helper()
	n := len(r.Sources())
	steps := n - 1
	if style == Triple {
		steps = n / 2
	}
	if n > 1 && len(r.Steps) > steps {
		t.Errorf("%d steps for %d sources; want %d", len(r.Steps), n, steps)
	}
	for i, s := range r.Steps {
		switch {
		case style == Add && n > 1 && s.Mode != recipe.AddDifference:
			t.Errorf("step %d is %v", i+1, s.Mode)
		case style == Triple && s.Mode != recipe.TripleSum && (i > 0 || n%2 > 0 && n > 1):
			t.Errorf("step %d is %v", i+1, s.Mode)
		case style == Between:
			for _, q := range append(slices.Clone(s.Alpha), s.Beta...) {
				if q.Value < 0 || q.Value > 1 {
					t.Errorf("step %d has the ratio %v", i+1, q.Value)
				}
			}
		}
	}
}

// TestStyles has weights for which the steps of each style are known.
func TestStyles(t *testing.T) {
	const ws, ad, ts = recipe.WeightSum, recipe.AddDifference, recipe.TripleSum
	for _, c := range []struct {
		name                 string
		weights              map[string][]float64
		base                 int
		add, between, triple []recipe.Mode // nil where the style cannot be had
	}{
		{
			"a chain of four",
			map[string][]float64{"IN04": {.4, .3, .2, .1}, "OUT07": {.25, .25, .5, 0}},
			-1,
			[]recipe.Mode{ad, ad, ad},
			[]recipe.Mode{ws, ws, ws},
			[]recipe.Mode{ws, ts},
		},
		{
			"a base that is subtracted",
			map[string][]float64{"IN04": {-.3, 1, .3, 0}, "OUT07": {-.5, .8, .3, .4}},
			0,
			[]recipe.Mode{ad, ad, ad},
			[]recipe.Mode{ws, ad, ad},
			[]recipe.Mode{ws, ts},
		},
		{
			"one that is more than all",
			map[string][]float64{"IN04": {-.9, 1.3, .6}, "OUT07": {0, .5, .5}},
			0,
			[]recipe.Mode{ad, ad},
			[]recipe.Mode{ad, ad},
			[]recipe.Mode{ts},
		},
		{
			"two bases",
			map[string][]float64{"IN04": {-.25, -.5, .9, .85}, "OUT07": {0, -.1, .6, .5}},
			0,
			[]recipe.Mode{ad, ad, ad},
			[]recipe.Mode{ad, ad, ad},
			[]recipe.Mode{ws, ts},
		},
		{
			"one up and one down",
			map[string][]float64{"IN04": {.6, 1.2, -.8}, "OUT07": {-.4, .1, 1.3}},
			-1,
			[]recipe.Mode{ad, ad},
			nil,
			[]recipe.Mode{ts},
		},
		{
			"sums of zero on the way",
			map[string][]float64{"IN04": {.5, -.5, .25, .75, 0}, "OUT07": {.5, 0, -.5, .75, .25}},
			-1,
			[]recipe.Mode{ad, ad, ad, ad},
			[]recipe.Mode{ad, ad, ad, ad},
			[]recipe.Mode{ts, ts},
		},
		{
			"a source",
			map[string][]float64{"IN04": {0, 1}, "OUT07": {0, 1}},
			-1,
			[]recipe.Mode{ws},
			[]recipe.Mode{ws},
			[]recipe.Mode{ws},
		},
	} {
		b, ids := plant(t, 1, c.weights, 1e-5)
		for style, want := range map[Style][]recipe.Mode{Add: c.add, Between: c.between, Triple: c.triple} {
			composed, err := New(t.Context(), b, ids, Options{Base: c.base, First: -1, Style: style})
			if want == nil {
				if !errors.Is(err, ErrStyle) {
					t.Errorf("%s, %s: %v; want an error", c.name, style, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %s: %v", c.name, style, err)
				continue
			}
			r := written(t, composed)
			var got []recipe.Mode
			for _, s := range r.Steps {
				got = append(got, s.Mode)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: %v; want %v:\n%s", c.name, style, got, want, r)
			}
			checkStyle(t, style, r)
			for _, id := range ids {
				flat := r.Flatten(id)
				for i, w := range c.weights[b.Layout.Name(id)] {
					v := 0.0
					if q := flat[b.Names[i]]; q != nil {
						v, _ = q.Float64()
					}
					if off := math.Abs(v - w); off > 2e-5 || style == Add && off > 1e-9 { // ratios of sums are no short decimals
						t.Errorf("%s, %s: %s: %s weighs %v; want %v\n%s", c.name, style, b.Layout.Name(id), b.Names[i], v, w, r)
					}
				}
			}
		}
	}
}

// wayward counts the models that are beyond 1 in some block, or added in one
// and subtracted in another.
func wayward(weights map[string][]float64) int {
	low, high := map[int]float64{}, map[int]float64{}
	n := 0
	for _, w := range weights {
		n = len(w)
		for i, v := range w {
			low[i], high[i] = min(low[i], v), max(high[i], v)
		}
	}
	count := 0
	for i := range n {
		if low[i] < -1 || high[i] > 1 || low[i] < 0 && high[i] > 0 {
			count++
		}
	}
	return count
}

// TestStylesAny composes recipes for random weights in each style: they come
// down to the weights, and only bounds may make it impossible.
func TestStylesAny(t *testing.T) {
	made := map[Style]int{}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 17))
		n := 2 + r.IntN(6)
		low := []float64{-.4, 0}[r.IntN(2)]
		weights := map[string][]float64{}
		for _, name := range []string{"IN04", "M00", "OUT07"} {
			w := make([]float64, n)
			sum := 0.0
			for i := 1; i < n; i++ {
				if r.IntN(3) > 0 {
					w[i] = low + (1.2-low)*r.Float64()
				}
				sum += w[i]
			}
			w[0] = 1 - sum
			if low == 0 { // none below zero
				w[0] = 0.1 + r.Float64()
				for i, all := 0, w[0]+sum; i < n; i++ {
					w[i] /= all
				}
			}
			weights[name] = w
		}
		base := r.IntN(2) - 1
		b, ids := plant(t, seed, weights, 1e-5)
		for _, style := range Styles() {
			c, err := New(t.Context(), b, ids, Options{Base: base, First: -1, Style: style})
			if err != nil {
				if style != Between || wayward(weights) < 2 || !errors.Is(err, ErrStyle) {
					t.Errorf("seed %d, %s: %v", seed, style, err)
				}
				continue
			}
			made[style]++
			got := written(t, c)
			checkStyle(t, style, got)
			for _, id := range ids {
				want := weights[b.Layout.Name(id)]
				for i, w := range weightsOf(b, got.Program(), got.Column(id)) {
					if math.Abs(w-want[i]) > 1e-4 {
						t.Errorf("seed %d, %s: %s: weight %d is %v; want %v\n%s", seed, style, b.Layout.Name(id), i, w, want[i], got)
					}
				}
			}
		}
	}
	t.Log(made)
}

// TestStylesKeep has the model that gives what is not merged stay the first,
// with any style that leaves a choice.
func TestStylesKeep(t *testing.T) {
	b, ids := plant(t, 1, map[string][]float64{"IN04": {-.25, -.5, .9, .85}, "OUT07": {0, -.1, .6, .5}}, 1e-5)
	for first := range 4 {
		for _, style := range Styles() {
			c, err := New(t.Context(), b, ids, Options{Base: 0, First: first, Style: style})
			if err != nil {
				t.Errorf("%d, %s: %v", first, style, err)
				continue
			}
			if c.order[0] != first {
				t.Errorf("%d, %s: the order is %v", first, style, c.order)
			}
			checkStyle(t, style, written(t, c))
		}
	}
}
