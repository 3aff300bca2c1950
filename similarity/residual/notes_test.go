package residual

import (
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestNotes does to a mix what people do, and reads what is said of it.
func TestNotes(t *testing.T) {
	noise := func(key string, x []float32, std float64) {
		r := rng(key, 55)
		for i := range x {
			x[i] += float32(std * r.NormFloat64())
		}
	}
	for name, c := range map[string]struct {
		add  func(key string, x []float32)
		want []string
	}{
		"adjust": {func(key string, x []float32) {
			by := map[string]float32{adjustIn: 0.98, adjustInBias: 1.04, adjustOut: 0.95, adjustOutBias: 1.1, adjustOut2: 1.03}
			if f, ok := by[key]; ok {
				for i := range x {
					x[i] *= f
				}
			}
			if key == adjustOut2Bias {
				x[0] += 0.1
			}
		}, []string{"Adjust, IN = 2", "Adjust, OUT = 5", "Adjust, OUT2 = -3", "bias has [0.1"}},
		"vae": {func(key string, x []float32) {
			if block.PartOf(key) == block.VAE {
				noise(key, x, 0.01)
			}
		}, []string{"the VAE is that of another model"}},
		"text": {func(key string, x []float32) {
			if block.PartOf(key) == block.TextEncoder {
				noise(key, x, 0.01)
			}
		}, []string{"the text encoder is that of another model"}},
		"one": {func(key string, x []float32) {
			if strings.HasSuffix(key, "middle_block.0.in_layers.2.weight") {
				noise(key, x, 0.01)
			}
		}, []string{"in one tensor"}},
		"a source": {func(key string, x []float32) {
			if block.PartOf(key) != block.VAE {
				noise(key, x, 0.001)
			}
		}, nil},
		"ids": {nil, []string{"position ids"}},
	} {
		w := grow(t, plant{seed: 9, div: 16, add: c.add, ids: name == "ids"})
		r := w.rest(t, nil)
		res := w.explain(t, r)
		notes, err := r.Notes(t.Context(), w.gram, res)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, n := range notes {
			all = append(all, n.Text)
			if len(n.Keys) == 0 {
				t.Errorf("%s: %q is about no tensor", name, n.Text)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(strings.Join(all, "\n"), want) {
				t.Errorf("%s: %q does not say %q", name, all, want)
			}
		}
		if len(notes) != len(c.want) {
			t.Errorf("%s: %d notes: %q", name, len(notes), all)
		}
	}
}

func TestKinds(t *testing.T) {
	none := map[block.Arch][]Kind{
		block.Flux: {Query, Key, Value, Output, Projection, Convolve},
		"sd3-24":   {Query, Key, Value, Output, Projection},
	}
	for _, arch := range append(block.Archs(), "sd3-24") {
		without, ok := none[arch]
		if !ok { // a UNet
			without = []Kind{Attention, Modulation, Linear}
		}
		count := map[Kind]int{}
		for _, s := range block.Keys(arch) {
			count[KindOf(s.Name, s.Shape)]++
		}
		for _, k := range Kinds() {
			if (count[k] == 0) != slices.Contains(without, k) {
				t.Errorf("%s has %d of %s", arch, count[k], k)
			}
			delete(count, k)
		}
		for k := range count {
			t.Errorf("%s: kind %q is in no list", arch, k)
		}
	}
	if k := KindOf("model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_out.0.weight", []int{4, 4}); k != Output {
		t.Error(k)
	}
}
