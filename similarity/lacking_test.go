package similarity

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmatch/merge/block"
)

func TestLacking(t *testing.T) {
	const text, vae, unet = "cond_stage_model.a.weight", "first_stage_model.a.weight", "model.diffusion_model.a.weight"
	g := &Gram{Names: []string{"A", "B", "C", "L"}, Differences: 1, Tensors: []Products{
		{Key: unet, Absent: []int{3}},
		{Key: text + "1", Absent: []int{1, 3}},
		{Key: text + "2", Absent: []int{1, 2}},
		{Key: vae, Absent: []int{2}},
		{Key: "cond_stage_model.position_ids", Absent: []int{1}},
	}}
	want := []Lack{{"B", block.TextEncoder, 2, 2}, {"C", block.TextEncoder, 1, 2}, {"C", block.VAE, 1, 1}}
	l, err := block.Default(block.SD1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, g.Lacking(l)); diff != "" {
		t.Error(diff)
	}
}
