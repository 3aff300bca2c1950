package similarity

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// mixesPlainly mixes the weights one mix at a time, a number at a time.
func mixesPlainly(t *testing.T, h Head, inputs [][]float32, models []*checkpoint.File, target *checkpoint.File, mixes [][]float64) [][]float64 {
	t.Helper()
	d := h.Dim
	m := newProjector(d, 1)
	p, w, room := m.newProjection(), newPackedWeights(d), make([]float32, d*d)
	outputs := make([][]float32, len(inputs))
	if err := h.readPacked(w, target); err != nil {
		t.Fatal(err)
	}
	for i, x := range inputs {
		outputs[i] = make([]float32, d*d)
		m.project(p, w, h.input(x))
		m.attend(outputs[i], p)
	}
	likes := make([][]float64, len(inputs))
	for _, mix := range mixes {
		var parts [3][]float32
		for part, key := range h.keys() {
			sum, x := make([]float64, d*d), make([]float32, d*d)
			for k, f := range models {
				if err := h.readRows(x, f, key, 0, newScratch(d)); err != nil {
					t.Fatal(err)
				}
				vec.Axpy64(sum, mix[k], x)
			}
			parts[part] = make([]float32, d*d)
			narrow(parts[part], sum)
		}
		m.fill(w.q, parts[0])
		m.fill(w.k, parts[1])
		copy(w.v, parts[2])
		for i, x := range inputs {
			m.project(p, w, h.input(x))
			likes[i] = append(likes[i], mean(m.compare(p, outputs[i], room)))
		}
	}
	return likes
}

// TestMixes compares many mixes, equal ones among them, with each done alone, to
// the bit, by both orders of sums and with any number of threads.
func TestMixes(t *testing.T) {
	a, b, c := open(t, "a_fp16"), open(t, "b_fp32"), open(t, "c_bf16")
	heads, err := Heads(layout(t), a)
	if err != nil {
		t.Fatal(err)
	}
	small := heads[0]
	wide := []*checkpoint.File{headOf(t, 320, 1, false), headOf(t, 320, 2, false), headOf(t, 320, 3, false)}
	wideHeads, err := Heads(layout(t), wide[0])
	if err != nil {
		t.Fatal(err)
	}
	mixes := [][]float64{{1, 0}, {0.3, 0.7}, {1, 0}, {-0.5, 1.5}, {0.3, 0.7}, {0, 1}, {0.1, 0.9}, {0.9, 0.1}, {0.2, 0.8}}
	for _, c := range []struct {
		head   Head
		models []*checkpoint.File
		target *checkpoint.File
	}{{small, []*checkpoint.File{b, c}, a}, {wideHeads[0], wide[1:], wide[0]}} {
		inputs := [][]float32{c.head.Probe(1), c.head.Probe(2)}
		want := mixesPlainly(t, c.head, inputs, c.models, c.target, mixes)
		for _, threads := range []int{1, 3} {
			got, err := c.head.Mixes(t.Context(), inputs, c.models, c.target, mixes, threads)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("width %d, %d threads, input %d: %v, not %v", c.head.Dim, threads, i, got[i], want[i])
				}
			}
		}
	}
}

// TestMixesReadWhatCounts: NaN in a model that has no weight is nobody's business.
func TestMixesReadWhatCounts(t *testing.T) {
	models := []*checkpoint.File{headOf(t, 32, 1, false), headOf(t, 32, 2, true)}
	heads, err := Heads(layout(t), models[0])
	if err != nil {
		t.Fatal(err)
	}
	h := heads[0]
	inputs := [][]float32{h.Probe(1)}
	if _, err := h.Mixes(t.Context(), inputs, models, models[0], [][]float64{{1, 0}}, 2); err != nil {
		t.Error(err)
	}
	_, err = h.Mixes(t.Context(), inputs, models, models[0], [][]float64{{1, 0}, {0.5, 0.5}}, 2)
	if !errors.Is(err, merge.ErrNonFinite) || !strings.Contains(err.Error(), h.k) {
		t.Errorf("error %v", err)
	}
}

// headOf returns a model of one head, d wide, of random numbers; its keys with a NaN
// among them or not.
func headOf(t *testing.T, d int, seed uint64, nan bool) *checkpoint.File {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	return fileOf(t, []string{"input_blocks.1"}, []int{d}, func(key string, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64()) / 8
		}
		if nan && strings.HasSuffix(key, "k.weight") {
			x[5] /= x[5] - x[5]
			x[5] -= x[5]
		}
	})
}
