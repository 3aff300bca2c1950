package residual

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/difference"
)

// TestApproximate: of what is no LoRA the best one of a given rank.
func TestApproximate(t *testing.T) {
	w := grow(t, plant{seed: 5, div: 20, add: func(key string, x []float32) {
		if block.PartOf(key) == block.UNet {
			r := rng(key, 77)
			for i := range x {
				x[i] += float32(0.001 * r.NormFloat64())
			}
		}
	}})
	r := w.rest(t, w.weights)
	res, err := r.Approximate(t.Context(), 3, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range res.Tensors {
		for _, p := range l.Pieces {
			if want := 3; l.Part() == block.UNet && p.Rank != want || l.Part() != block.UNet && p.Rank != 0 {
				t.Errorf("%s has rank %d", l.Key, p.Rank)
			}
		}
	}
	if _, err := r.Approximate(t.Context(), 0, Options{}); err == nil {
		t.Error("rank 0 was taken")
	}
}

// TestSource: B + R/m is the model that was withheld, and R its difference.
func TestSource(t *testing.T) {
	const m = 0.25
	w := grow(t, plant{seed: 7, div: 40, add: func(key string, x []float32) {
		r := rng(key, 77)
		for i := range x {
			x[i] += float32(m * 0.01 * r.NormFloat64())
		}
	}})
	r := w.rest(t, w.weights)
	share := make([]float64, w.layout.Len())
	for i := range share {
		share[i] = m
	}
	list, err := r.Source(0, share, "F32")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "source.safetensors")
	if err := difference.Write(t.Context(), path, list, difference.Options{}); err != nil {
		t.Fatal(err)
	}
	source, err := merge.OpenModel("source", path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	path = filepath.Join(t.TempDir(), "difference.safetensors")
	if err := difference.Write(t.Context(), path, r.Difference(""), difference.Options{Metadata: r.Metadata("a difference", nil)}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Tensors()) != len(r.Tensors()) || f.Metadata()["mixmatch.target"] != "T" || f.Metadata()["mixmatch.source.1"] != "B" {
		t.Errorf("%d tensors, %v", len(f.Tensors()), f.Metadata())
	}
	for _, q := range r.Tensors() {
		x, d := make([]float32, q.Len()), make([]float32, q.Len())
		u, _ := source.Tensor(q.Key)
		if err := source.File.Read(x, nil, u, 0); err != nil {
			t.Fatal(err)
		}
		v, _ := f.Tensor(q.Key)
		if err := f.Read(d, nil, v, 0); err != nil {
			t.Fatal(err)
		}
		base, own := numbers(q.Key, 7, 0, q.Len()), rng(q.Key, 77)
		for i := range x {
			want := 0.01 * own.NormFloat64()
			if got := float64(d[i]); math.Abs(got-m*want) > 2e-4 {
				t.Fatalf("%s: the difference is %v; want %v", q.Key, got, m*want)
			}
			if got := float64(x[i]) - float64(base[i]); q.Governed && q.Part() != block.VAE && math.Abs(got-want) > 8e-4 {
				t.Fatalf("%s: the source is %v off the base; want %v", q.Key, got, want)
			}
		}
	}
	if _, err := r.Source(0, share[:3], ""); err == nil || !strings.Contains(err.Error(), "IN02") {
		t.Errorf("without the weight of a block: %v", err)
	}
}
