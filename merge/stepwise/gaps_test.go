package stepwise

import (
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
)

// TestRefuseMade: what is refused of a step's result goes by the name of the file
// and the tensor that it was made of.
func TestRefuseMade(t *testing.T) {
	first := mergetest.Sketch{Seed: 1}.Open(t, "first")
	second := mergetest.Sketch{Seed: 2}.Open(t, "second")
	pool, err := merge.NewPool([]*merge.Model{first, second})
	if err != nil {
		t.Fatal(err)
	}
	const key = "model.diffusion_model.out.2.weight"
	of := leaf(1, checkpoint.Tensor{Name: key, DType: "F8_E4M3"})
	made := &node{key: key, step: &calc.Step{}, a: of, b: leaf(0, of.file), dtype: of.dtype}
	r := &stepRun{chain: newChain(pool, nil, nil, "")}
	r.refuse(&node{key: key, a: made, baking: &baking{}, dtype: of.dtype})
	if err := r.refused(); err == nil || !strings.Contains(err.Error(), "second: tensor \""+key+"\" is stored as F8_E4M3") {
		t.Error(err)
	}
}
