package stepwise_test

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
	"mixmatch/merge/stepwise"
)

const (
	attention = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
	outConv   = "model.diffusion_model.out.2.weight"
	firstBias = "model.diffusion_model.input_blocks.0.0.bias"
	first     = "model.diffusion_model.input_blocks.0.0.weight"
	ids       = "cond_stage_model.transformer.text_model.embeddings.position_ids"
	vae       = "first_stage_model.decoder.conv_in.weight"
)

type sketch = mergetest.Sketch

var (
	open   = mergetest.Open
	raw    = mergetest.Raw
	values = mergetest.Values
)

func loose(t testing.TB, models ...*merge.Model) *merge.Pool {
	t.Helper()
	p, err := merge.NewLoosePool(models)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// options say how a test saves.
type options struct {
	era   block.Era // sm2025-10 if empty
	dtype checkpoint.DType
	inf   bool
}

// write saves a mix step by step as path.
func write(t testing.TB, p *merge.Pool, m *merge.Mix, path string, o options) (*merge.Saved, error) {
	t.Helper()
	if o.era == "" {
		o.era = block.SM2025
	}
	outs, err := stepwise.Outputs(t.Context(), p, m, o.era, o.dtype)
	if err != nil {
		return nil, err
	}
	return merge.Save(t.Context(), outs, path, merge.SaveOptions{AllowInf: o.inf})
}

// save saves a mix step by step and opens what it wrote.
func save(t testing.TB, p *merge.Pool, m *merge.Mix, o options) (*merge.Model, *merge.Saved) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.safetensors")
	saved, err := write(t, p, m, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, "out", path), saved
}

// execute saves a recipe's result step by step, and opens it.
func execute(t testing.TB, p *merge.Pool, text string, o options) (*merge.Model, *merge.Saved) {
	t.Helper()
	if o.era == "" {
		o.era = block.SM2025
	}
	return save(t, p, mergetest.Mix(t, p, text, o.era), o)
}

// tensor returns a tensor as package calc takes it.
func tensor(t testing.TB, m *merge.Model, key string) calc.Tensor {
	t.Helper()
	k, ok := m.Tensor(key)
	if !ok {
		t.Fatalf("%s has no %s", m.Name, key)
	}
	return calc.Tensor{DType: string(k.DType), Shape: k.Shape, Data: values(t, m, key)}
}

// same fails unless key in m is what want says, format and bits.
func same(t *testing.T, m *merge.Model, key string, want calc.Tensor) {
	t.Helper()
	got := tensor(t, m, key)
	if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("%s is %s %v, want %s %v", key, got.DType, got.Shape, want.DType, want.Shape)
	}
	for i, v := range want.Data {
		if math.Float32bits(v) != math.Float32bits(got.Data[i]) {
			t.Fatalf("%s[%d] = %v, want %v", key, i, got.Data[i], v)
		}
	}
}
