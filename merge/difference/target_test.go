package difference

import (
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestTargets: what is written under a name is found under it, and under the
// other names of the same module, in all three architectures.
func TestTargets(t *testing.T) {
	for _, arch := range []block.Arch{block.SD1, block.SD2, block.SDXL} {
		model := map[string][]int{}
		for _, k := range block.Keys(arch) {
			model[k.Name] = k.Shape
		}
		n := 0
		for key, dims := range model {
			for part := range Parts(key) {
				name, ok := ModuleName(arch, key, part)
				if !ok {
					continue
				}
				names := []string{name}
				if stem, in := strings.CutPrefix(strings.TrimSuffix(key, ".weight"), "model.diffusion_model."); in {
					dotted, _ := unetName(stem)
					names = append(names, "unet."+dotted, "base_model.model."+dotted, dotted, "lora_unet_"+strings.ReplaceAll(dotted, ".", "_"),
						"lora_unet_"+strings.ReplaceAll(stem, ".", "_"), "model.diffusion_model."+stem, "diffusion_model."+stem)
				} else {
					_, dotted, _ := textName(arch, strings.TrimSuffix(strings.TrimSuffix(key, ".weight"), "_weight"), part)
					prefix := "text_encoder."
					if strings.Contains(key, "embedders.1.") {
						prefix = "text_encoder_2."
					}
					names = append(names, prefix+dotted)
				}
				for _, name := range names {
					n++
					rows := dims[0] / Parts(key)
					cols := 1
					for _, d := range dims[1:] {
						cols *= d
					}
					p, ok := pathOf(name)
					if !ok {
						t.Fatalf("%s: %s is no module", arch, name)
					}
					c := &change{module: name, path: p, kind: LoRA, rows: rows, cols: cols}
					at, its, err := c.find(shapes(model))
					if err != nil || its == nil || at.weight != key || max(at.part, 0) != part {
						t.Fatalf("%s: %s is part %d of %s, %v; want part %d of %s", arch, name, at.part, at.weight, err, part, key)
					}
				}
			}
		}
		if n < 1000 {
			t.Errorf("%s: %d names", arch, n)
		}
	}
}

func TestNoTargets(t *testing.T) {
	for _, name := range []string{
		"", "lora_unet_", "lora_unet_down_blocks_0_attentions_3_proj_in", "lora_unet_down_blocks_0", "lora_unet_down_blocks_x_attentions_0_proj_in",
		"lora_unet_up_blocks_0_downsamplers_0_conv", "lora_unet_down_blocks_00_attentions_0_proj_in", "lora_te2_text_model_encoder_layers_0_ln",
		"lora_te3_encoder_block_0_layer_0_SelfAttention_q", "lora_te_text_model_", "unet.", "text_encoder_2.text_model.x", "vae.decoder",
		"unet.down_blocks.-1.attentions.0.proj_in", "unet.down_blocks.99999999999999999999.attentions.0.proj_in",
	} {
		if p, ok := pathOf(name); ok && len(targets(p)) > 0 {
			t.Errorf("%q is %v", name, targets(p))
		}
	}
}
