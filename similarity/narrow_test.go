package similarity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/block"
)

// crowd returns a block of n models, some of them twins as close as told, of which the
// last ones are differences, and a target that mixes a few.
func crowd(r *rand.Rand, n, differences int, twins map[int]int, apart float64) *Blocks {
	w := newWorld(r, n, 600, keyOut, keyNorm)
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = r.Float64() / float64(n)
	}
	weights[0] += 0.5
	for t := range w.keys {
		for i, j := range twins {
			for k := range w.models[t][i] {
				w.models[t][i][k] = w.models[t][j][k] + float64(apart*r.NormFloat64())
			}
		}
		w.mix(r, t, weights, 0.01)
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

// TestNarrowing drops models one by one, the first of them too, and holds what is left
// against what is solved anew.
func TestNarrowing(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for name, b := range map[string]*Blocks{
		"plain":       crowd(r, 14, 0, nil, 0),
		"differences": crowd(r, 14, 4, nil, 0),
		"near twins":  crowd(r, 14, 2, map[int]int{5: 3, 9: 0}, 0.003*deltaStd),
		"twins":       crowd(r, 14, 2, map[int]int{5: 3, 7: 3, 9: 0}, 0),
	} {
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
