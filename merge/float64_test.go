package merge_test

import (
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
)

const someKey = "model.diffusion_model.out.2.weight"

// Float64 is read as float32, so what is merged says no more than that, and what is
// copied keeps its bits.
func TestSaveFloat64(t *testing.T) {
	wide := sketch{Seed: 1, DType: "F64"}
	a, b, half := wide.Open(t, "A"), sketch{Seed: 2, DType: "F64"}.Open(t, "B"), sketch{Seed: 2}.Open(t, "H")
	wide.DType = "F32"
	single := wide.Open(t, "S") // the same numbers
	p := pool(t, a, b, half, single)
	for _, c := range []struct{ text, unet, like string }{
		{"A x 0.5 + B x 0.5 = M", "F32", ""},
		{"A x 0.5 + H x 0.5 = M", "F32", "S x 0.5 + H x 0.5 = M"},
		{"H x 0.5 + A x 0.5 = M", "F16", "H x 0.5 + S x 0.5 = M"},
		{"A x 1 + B x 0 = M", "F64", ""},
	} {
		m := mix(t, p, c.text)
		m.VAE = p.Index("A")
		out, saved := save(t, p, m, "", merge.SaveOptions{})
		for _, tensor := range out.File.Tensors() {
			want := c.unet
			switch {
			case tensor.DType == "I64":
				continue
			case strings.HasPrefix(tensor.Name, "first_stage_model."):
				want = "F64"
				if raw(t, out, tensor.Name) != raw(t, a, tensor.Name) {
					t.Errorf("%s: %s is not A's", c.text, tensor.Name)
				}
			}
			if string(tensor.DType) != want {
				t.Fatalf("%s: %s is %s, want %s (%d merged)", c.text, tensor.Name, tensor.DType, want, saved.Merged)
			}
		}
		if c.like == "" {
			continue
		}
		like, _ := save(t, p, mix(t, p, c.like), "", merge.SaveOptions{})
		if !slices.Equal(values(t, out, someKey), values(t, like, someKey)) {
			t.Errorf("%s: other numbers than those of float32", c.text)
		}
	}
}
