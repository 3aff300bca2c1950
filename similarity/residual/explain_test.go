package residual

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/difference"
	"mixmatch/merge/vec"
	"mixmatch/similarity"
)

func (w *world) explain(t testing.TB, r *Rest) *Result {
	t.Helper()
	res, err := r.Explain(t.Context(), w.gram, SolveBlocks(w.layout), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Settled {
		t.Errorf("not settled after %d rounds", res.Rounds)
	}
	return res
}

// TestRebuild: the recipe and the LoRA that was written rebuild the target. The
// study begins with the weights of plain least squares, which the LoRA misled.
func TestRebuild(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	for _, c := range []struct {
		seed     uint64
		rank     int
		strength float64
	}{{1, 4, 0.3}, {2, 8, 1}, {3, 6, 0.6}} {
		w := grow(t, plant{seed: c.seed, strength: c.strength, rank: func(key string, shape []int) int {
			if trained(key, shape) {
				return c.rank
			}
			return 0
		}})
		r := w.rest(t, nil)
		res := w.explain(t, r)
		if before, after := w.worst(r.Weights), w.worst(res.Weights); after > 0.002 || after > before/3 {
			t.Errorf("%+v: weights off by %v, %v before", c, after, before)
		}
		for _, l := range res.Tensors {
			for _, p := range l.Pieces {
				if p.Rank != w.lora[l.Key] {
					t.Errorf("%+v: %s has rank %d; want %d", c, l.Key, p.Rank, w.lora[l.Key])
				}
			}
		}
		want := fmt.Sprintf("a LoRA of rank %d: 128 of 128 matrices of attention, 32 of 32 of feed forward; nothing in projections, convolutions, time embedding, the text encoder", c.rank)
		if res.String() != want {
			t.Errorf("%s\nwant %s", res, want)
		}
		if l, ok := res.LoRA(); !ok || l.Share < 0.999 {
			t.Errorf("%+v, %v", l, ok)
		}

		modules, nameless := res.Modules(w.arch)
		if len(modules) != 160 || len(nameless) > 0 {
			t.Fatalf("%d modules, without a name %v", len(modules), nameless)
		}
		path := filepath.Join(t.TempDir(), "lora.safetensors")
		o := difference.LoRAOptions{Arch: w.arch, Output: "lora", Metadata: r.Metadata("a LoRA", nil)}
		if err := difference.WriteLoRA(t.Context(), path, modules, o); err != nil {
			t.Fatal(err)
		}
		if e := w.explained(t, r.with(res.Weights), path); e < 1-1e-4 {
			t.Errorf("%+v: recipe and LoRA explain %v", c, e)
		}
	}
}

// explained reads the LoRA back, adds it to the mix, and returns the share of
// |T-B|^2 in the UNet and the text encoder that this explains.
func (w *world) explained(t testing.TB, r *Rest, path string) float64 {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read := func(name string) ([]float32, []int) {
		k, ok := f.Tensor(name)
		if !ok {
			return nil, nil
		}
		x := make([]float32, k.Len())
		if err := f.Read(x, nil, k, 0); err != nil {
			t.Fatal(err)
		}
		return x, k.Shape
	}
	rd := r.NewReader()
	left, all := 0.0, 0.0
	for _, q := range r.Tensors() {
		if q.Part() == block.VAE {
			continue
		}
		x, e := make([]float32, q.Len()), make([]float32, q.Len())
		if err := rd.Read(x, q, 0); err != nil {
			t.Fatal(err)
		}
		if err := rd.Row(e, q, len(r.Pool.Models), 0); err != nil {
			t.Fatal(err)
		}
		all += vec.Dot(e, e)
		parts := difference.Parts(q.Key)
		for part := range parts {
			name, _ := difference.ModuleName(w.arch, q.Key, part)
			up, shape := read(name + ".lora_up.weight")
			if up == nil {
				continue
			}
			down, _ := read(name + ".lora_down.weight")
			alpha, _ := read(name + ".alpha")
			rank := shape[1]
			n := len(down) / rank
			for i := range shape[0] {
				for k := range rank {
					v := up[i*rank+k] * alpha[0] / float32(rank)
					row := x[(part*shape[0]+i)*n:]
					for j := range n {
						row[j] -= v * down[k*n+j]
					}
				}
			}
		}
		left += vec.Dot(x, x)
	}
	return 1 - left/all
}

// TestNothing: an exact mix has no LoRA, and a model withheld is none.
func TestNothing(t *testing.T) {
	for name, p := range map[string]plant{
		"exact": {seed: 4, div: 20},
		"withheld": {seed: 5, div: 20, add: func(key string, x []float32) {
			r := rng(key, 77)
			for i := range x {
				x[i] += float32(0.0006 * r.NormFloat64())
			}
		}},
	} {
		w := grow(t, p)
		r := w.rest(t, nil)
		res := w.explain(t, r)
		if l, ok := res.LoRA(); ok || l.Pieces > 0 || res.String() != "no LoRA" {
			t.Errorf("%s: %s, %+v", name, res, l)
		}
		if res.Rounds != 1 {
			t.Errorf("%s: %d rounds", name, res.Rounds)
		}
		notes, err := r.Notes(t.Context(), w.gram, res)
		if err != nil || name == "exact" && len(notes) > 0 {
			t.Errorf("%s: %v, %v", name, notes, err)
		}
	}
}

// TestThirds: query, key and value of OpenCLIP lie in one matrix, and a LoRA has
// each of them apart.
func TestThirds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	w := grow(t, plant{arch: block.SD2, div: 16, seed: 6, strength: 0.5, rank: func(key string, shape []int) int {
		switch KindOf(key, shape) {
		case TextAttn, Query:
			return 4
		}
		return 0
	}})
	r := w.rest(t, nil)
	res := w.explain(t, r)
	if off := w.worst(res.Weights); off > 0.002 {
		t.Errorf("weights off by %v", off)
	}
	again, err := r.Explain(t.Context(), w.gram, SolveBlocks(w.layout), Options{Threads: 3})
	if err != nil || !reflect.DeepEqual(again, res) {
		t.Errorf("with three threads: not the same; %v", err)
	}
	modules, nameless := res.Modules(w.arch)
	if want := 24*4 + 32; len(modules) != want || len(nameless) > 0 {
		t.Errorf("%d modules; want %d; without a name %v", len(modules), want, nameless)
	}
	path := filepath.Join(t.TempDir(), "lora.safetensors")
	if err := difference.WriteLoRA(t.Context(), path, modules, difference.LoRAOptions{Arch: w.arch}); err != nil {
		t.Fatal(err)
	}
	if e := w.explained(t, r.with(res.Weights), path); e < 1-1e-4 {
		t.Errorf("recipe and LoRA explain %v", e)
	}
}

func TestExplainRefuses(t *testing.T) {
	const key = "model.diffusion_model.middle_block.0.in_layers.2.weight"
	w := grow(t, plant{seed: 8, div: 40})
	sick := w.write(t, "sick", func(k string, _ []int, n int) []float32 {
		x := make([]float32, n)
		if k == key {
			x[3] = float32(math.NaN())
		}
		return x
	})
	r := w.rest(t, nil)
	r.Target = sick
	if _, err := r.Explain(t.Context(), w.gram, SolveBlocks(w.layout), Options{}); !errors.Is(err, merge.ErrNonFinite) || !strings.Contains(err.Error(), key) {
		t.Errorf("NaN: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r = w.rest(t, nil)
	if _, err := r.Explain(ctx, w.gram, SolveBlocks(w.layout), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	unsolved := errors.New("unsolved")
	if _, err := r.Explain(t.Context(), w.gram, func(*similarity.Gram) ([][]float64, error) { return nil, unsolved }, Options{}); !errors.Is(err, unsolved) {
		t.Errorf("not solved: %v", err)
	}
}
