package merge_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

const (
	conv  = "model.diffusion_model.input_blocks.5.0.in_layers.2.weight"
	first = "model.diffusion_model.input_blocks.0.0.weight"
	ids   = "cond_stage_model.transformer.text_model.embeddings.position_ids"
	vae   = "first_stage_model.decoder.conv_in.weight"
	norm  = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
)

func TestPoolRefuses(t *testing.T) {
	a := sketch{Seed: 1}.Open(t, "A")
	inpainting := func(key string, shape []int) []int {
		if key == first {
			shape = slices.Clone(shape)
			shape[1] = 9
		}
		return shape
	}
	for _, c := range []struct {
		name, want string
		models     []*merge.Model
	}{
		{"none", "no models", nil},
		{"other architecture", "A is sd1, XL is sdxl", []*merge.Model{a, sketch{Arch: block.SDXL}.Open(t, "XL")}},
		{"other variant", "A is sd1, P is sd1 inpainting", []*merge.Model{a, sketch{Shape: inpainting}.Open(t, "P")}},
		{"missing in the second", `B lacks "` + conv + `", which A has`, []*merge.Model{a, sketch{Drop: conv}.Open(t, "B")}},
		{"missing in the first", `B lacks "` + conv + `", which A has`, []*merge.Model{sketch{Drop: conv}.Open(t, "B"), a}},
		{"other widths", "; and ", []*merge.Model{a, sketch{Div: 160}.Open(t, "W")}},
		{"one other shape", `"` + norm + `" is [5] in S and [2] in A`, []*merge.Model{a, sketch{Shape: func(key string, shape []int) []int {
			if key == norm {
				return []int{5}
			}
			return shape
		}}.Open(t, "S")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := merge.NewPool(c.models)
			if !errors.Is(err, merge.ErrMismatch) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not say %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestPoolAllows(t *testing.T) {
	a := sketch{Seed: 1}.Open(t, "A")
	p := pool(t, a,
		sketch{Drop: "first_stage_model"}.Open(t, "NoVAE"),
		sketch{Drop: "cond_stage_model", DType: "F32"}.Open(t, "NoText"),
		sketch{Keys: map[string]checkpoint.DType{"model_ema.decay": "F32", "alphas_cumprod": "F32"}}.Open(t, "Extra"))
	if got, want := strings.Join(p.Names(), " "), "A NoVAE NoText Extra"; got != want {
		t.Errorf("names %q, want %q", got, want)
	}
	if p.Index("NoText") != 2 || p.Index("nobody") != -1 {
		t.Error("Index is wrong")
	}
	if got, want := len(p.Keys()), len(a.Keys())+2; got != want || !slices.IsSorted(p.Keys()) {
		t.Errorf("%d keys, want %d, sorted", got, want)
	}
}

// Early trainers' names of the text encoder are the same tensors.
func TestAliases(t *testing.T) {
	spell := func(key string) string { return strings.Replace(key, "transformer.text_model.", "transformer.", 1) }
	now, old := sketch{Seed: 1}.Open(t, "now"), sketch{Seed: 1, Name: spell}.Open(t, "old")
	if k, ok := old.Tensor(norm); !ok || old.File.OwnName(k) != spell(norm) {
		t.Fatal("the file does not have the old name")
	}
	p := pool(t, now, old)
	if !slices.Equal(p.Keys(), now.Keys()) || !slices.Equal(old.Keys(), now.Keys()) {
		t.Error("the keys are not the canonical ones")
	}
	if raw(t, now, norm) != raw(t, old, norm) {
		t.Error("another tensor")
	}
	if !old.Has(block.TextEncoder) || !old.Has(block.VAE) || old.Has(block.EMA) {
		t.Error("Has is wrong")
	}
	both := sketch{Keys: map[string]checkpoint.DType{spell(norm): "F16"}}.Write(t, "both")
	if _, err := merge.OpenModel("both", both); !errors.Is(err, merge.ErrMismatch) || !strings.Contains(err.Error(), "two names") {
		t.Errorf("both names in one file: %v", err)
	}
}

func TestOpenModelRefuses(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.safetensors")
	if err := os.WriteFile(page, []byte("<html>"), 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		page:                          checkpoint.ErrFormat,
		dir:                           checkpoint.ErrFormat,
		filepath.Join(dir, "nothere"): os.ErrNotExist,
		sketch{Drop: "diffusion"}.Write(t, "no UNet"): merge.ErrMismatch,
	} {
		if _, err := merge.OpenModel("x", path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestSameFile(t *testing.T) {
	a, b := sketch{}.Write(t, "A"), sketch{}.Write(t, "A")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Link(a, link); err == nil && !merge.SameFile(a, link) {
		t.Error("a link is another file")
	}
	if !merge.SameFile(a, a) || merge.SameFile(a, b) || merge.SameFile(a, "nothere") || merge.SameFile("nothere", "nothere") {
		t.Error("SameFile is wrong")
	}
}
