package similarity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/block"
)

// crowd returns a block of n models, some of them twins as close as told, of which the
// last ones are differences, and a target that mixes all and has noise.
func crowd(r *rand.Rand, n, differences int, twins [][2]int, apart, noise float64) *Blocks {
	keys := []string{keyOut, keyNorm}
	for _, k := range []string{"attn1.to_q", "attn1.to_k", "attn1.to_v", "attn2.to_q", "attn2.to_k", "attn2.to_v", "ff.net.2"} {
		keys = append(keys, "model.diffusion_model.output_blocks.3.1.transformer_blocks.0."+k+".weight")
	}
	w := newWorld(r, n, 300, keys...)
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = r.Float64() / float64(n)
	}
	weights[0] += 0.5
	for t := range w.keys {
		for _, pair := range twins {
			i, j := pair[0], pair[1]
			for k := range w.models[t][i] {
				w.models[t][i][k] = w.models[t][j][k] + float64(apart*r.NormFloat64())
			}
		}
		w.mix(r, t, weights, noise)
	}
	g := w.gram(1e-8)
	g.Differences = differences
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		panic(err)
	}
	return g.Blocks(l)
}

// near reports whether two numbers are the same but for a share of them.
func near(a, b, share float64) bool {
	return a == b || math.Abs(a-b) <= share*max(1, math.Abs(a), math.Abs(b))
}

// TestTwin knows models that can hardly be told apart.
func TestTwin(t *testing.T) {
	s := solution{n: 3, h: []float64{2, 0.5, 1.9999999999, 0.5, 1, 0, 1.9999999999, 0, 2}}
	for k, want := range []bool{true, false, true} {
		if s.twin(k) != want {
			t.Errorf("unknown %d: %v", k, !want)
		}
	}
}

// TestNarrowing drops models one by one, the first of them too, and holds what is left
// against what is solved anew.
func TestNarrowing(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for _, tt := range []struct {
		name string
		b    *Blocks
	}{
		{"plain", crowd(r, 14, 0, nil, 0, 0.01)},
		{"differences", crowd(r, 14, 4, nil, 0, 0.01)},
		{"near twins", crowd(r, 14, 2, [][2]int{{5, 3}, {9, 0}}, 0.003*deltaStd, 0.01)},
		{"at noise", crowd(r, 14, 4, nil, 0, 1e-4)},
		{"twins", crowd(r, 14, 2, [][2]int{{5, 3}, {7, 3}, {9, 0}}, 0, 0.01)},
	} {
		name, b := tt.name, tt.b
		free := b.all(idOUT03)
		narrow, err := b.Narrow(idOUT03, free)
		if err != nil {
			t.Fatal(err)
		}
		for {
			want, err := b.Fit(idOUT03, narrow.Free(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, i := range narrow.Free() {
				if v, doubles := narrow.Weight(k); !near(v, want.Weights[i], 1e-8) || !near(doubles, want.Doubles[i], 1e-6) {
					t.Errorf("%s, %d left: model %d has %v ± %v, not %v ± %v", name, len(free), i, v, doubles, want.Weights[i], want.Doubles[i])
				}
			}
			k := r.IntN(len(narrow.Free()))
			if len(free) == 1 {
				break
			}
			if models := slices.IndexFunc(free, b.IsDifference); models == 1 { // one model must be left
				k = max(k, 1)
			}
			free = slices.Delete(slices.Clone(free), k, k+1)
			if err := narrow.Drop(k); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(free, narrow.Free()) {
				t.Fatalf("%s: left are %v, not %v", name, narrow.Free(), free)
			}
		}
	}
}

// TestPinning gives one weight after the other and holds the rest against what is
// solved anew.
func TestPinning(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for _, tt := range []struct {
		name string
		b    *Blocks
	}{
		{"plain", crowd(r, 14, 0, nil, 0, 0.01)},
		{"differences", crowd(r, 14, 4, nil, 0, 0.01)},
		{"near twins", crowd(r, 14, 2, [][2]int{{5, 3}, {9, 0}}, 0.003*deltaStd, 0.01)},
		{"at noise", crowd(r, 14, 4, nil, 0, 1e-4)},
		{"twins", crowd(r, 14, 2, [][2]int{{5, 3}, {7, 3}, {9, 0}}, 0, 0.01)},
	} {
		name, b := tt.name, tt.b
		for range 20 {
			free := b.all(idOUT03)
			pin := b.Pin(idOUT03, free)
			fixed := map[int]float64{}
			for len(free) > 1 {
				want, err := b.Fit(idOUT03, free, fixed)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range free {
					got, err := pin.Weight(i, true)
					if err != nil {
						t.Fatal(err)
					}
					if !near(got.Weight, want.Weights[i], 1e-8) || !near(got.SE, want.SE[i], 1e-6) || !near(got.Doubles, want.Doubles[i], 1e-6) {
						t.Fatalf("%s, %v left: model %d has %v, not %v, %v, %v", name, free, i, got, want.Weights[i], want.SE[i], want.Doubles[i])
					}
				}
				k := r.IntN(len(free))
				if b.IsDifference(free[1]) {
					k = 1 + r.IntN(len(free)-1)
				}
				fixed[free[k]] = want.Weights[free[k]] + float64(0.001*r.NormFloat64())
				pin.Fix(free[k], fixed[free[k]])
				free = slices.Delete(slices.Clone(free), k, k+1)
				if !slices.Equal(free, pin.Free()) {
					t.Fatalf("%s: left are %v, not %v", name, pin.Free(), free)
				}
			}
		}
	}
}

// TestGrowth adds one model after the other and holds what each would add against what
// is solved anew.
func TestGrowth(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	for _, tt := range []struct {
		name string
		b    *Blocks
	}{
		{"plain", crowd(r, 12, 0, nil, 0, 0.01)},
		{"differences", crowd(r, 12, 3, nil, 0, 0.01)},
		{"near twins", crowd(r, 12, 0, [][2]int{{5, 3}, {9, 0}}, 0.003*deltaStd, 0.01)},
		{"twins", crowd(r, 12, 0, [][2]int{{5, 3}, {7, 3}, {9, 0}}, 0, 0.01)},
	} {
		name, b := tt.name, tt.b
		models := b.all(idOUT03)[:b.models]
		loras := b.all(idOUT03)[b.models:]
		grown := b.Grow(idOUT03, models, loras)
		left, chosen := slices.Clone(models), []int{}
		r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		for len(left) > 0 {
			for _, i := range left {
				some := append(slices.Sorted(slices.Values(append([]int{i}, chosen...))), loras...)
				want, err := b.Reach(idOUT03, some)
				if err != nil {
					t.Fatal(err)
				}
				if got := grown.With(i); !near(1-got, want, 1e-11) {
					t.Errorf("%s: %v and %d reach %v, not %v", name, chosen, i, 1-got, want)
				}
			}
			grown.Add(left[0])
			chosen, left = append(chosen, left[0]), left[1:]
		}
	}
}
