package merge_test

import (
	"path/filepath"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
)

type sketch = mergetest.Sketch

var (
	open   = mergetest.Open
	raw    = mergetest.Raw
	values = mergetest.Values
)

func pool(t testing.TB, models ...*merge.Model) *merge.Pool {
	t.Helper()
	p, err := merge.NewPool(models)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mix reads a recipe for the pool.
func mix(t testing.TB, p *merge.Pool, text string) *merge.Mix {
	t.Helper()
	return mergetest.Mix(t, p, text, block.SM2025)
}

// weighted returns the outputs of a mix in one go.
func weighted(t testing.TB, p *merge.Pool, m *merge.Mix, dtype checkpoint.DType) *merge.Outputs {
	t.Helper()
	outs, err := merge.Weighted(p, m, dtype)
	if err != nil {
		t.Fatal(err)
	}
	return outs
}

// save saves a mix in one go and opens what it wrote.
func save(t testing.TB, p *merge.Pool, m *merge.Mix, dtype checkpoint.DType, o merge.SaveOptions) (*merge.Model, *merge.Saved) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.safetensors")
	saved, err := merge.Save(t.Context(), weighted(t, p, m, dtype), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, "out", path), saved
}
