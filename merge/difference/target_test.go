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

// TestTargetsOfTransformers: diffusers has query, key and value apart where files
// have them in one.
func TestTargetsOfTransformers(t *testing.T) {
	for _, c := range []struct {
		name  string
		model string
		dims  []int
		rows  int
		cols  int
		row   int // -1: it does not fit
	}{
		{"lora_unet_double_blocks_0_img_attn_qkv", "double_blocks.0.img_attn.qkv", []int{6, 2}, 6, 2, 0},
		{"lora_unet_single_blocks_37_modulation_lin", "single_blocks.37.modulation.lin", []int{6, 2}, 6, 2, 0},
		{"lora_unet_joint_blocks_3_context_block_attn_qkv", "joint_blocks.3.context_block.attn.qkv", []int{6, 2}, 6, 2, 0},
		{"diffusion_model.double_blocks.0.txt_mlp.2", "double_blocks.0.txt_mlp.2", []int{6, 2}, 6, 2, 0},
		{"transformer.transformer_blocks.0.attn.to_k", "double_blocks.0.img_attn.qkv", []int{6, 2}, 2, 2, 2},
		{"transformer.transformer_blocks.0.attn.to_k", "joint_blocks.0.x_block.attn.qkv", []int{6, 2}, 2, 2, 2},
		{"transformer.transformer_blocks.0.attn.add_v_proj", "double_blocks.0.txt_attn.qkv", []int{6, 2}, 2, 2, 4},
		{"transformer.transformer_blocks.0.attn.add_v_proj", "joint_blocks.0.context_block.attn.qkv", []int{6, 2}, 2, 2, 4},
		{"transformer.single_transformer_blocks.7.proj_mlp", "single_blocks.7.linear1", []int{14, 2}, 8, 2, 6},
		{"transformer.single_transformer_blocks.7.attn.to_v", "single_blocks.7.linear1", []int{14, 2}, 2, 2, 4},
		{"lycoris_single_transformer_blocks_7_proj_out", "single_blocks.7.linear2", []int{2, 10}, 2, 10, 0},
		{"transformer.single_transformer_blocks.7.proj_mlp", "single_blocks.7.linear1", []int{14, 2}, 6, 2, -1},
		{"transformer.transformer_blocks.0.attn.to_k", "double_blocks.0.img_attn.qkv", []int{6, 2}, 1, 2, -1},
		{"transformer.transformer_blocks.0.attn.to_v", "double_blocks.0.img_attn.qkv", []int{4, 2}, 2, 2, -1},
	} {
		p, ok := pathOf(c.name)
		if !ok {
			t.Errorf("%s is no module", c.name)
			continue
		}
		for _, prefix := range []string{"", "model.diffusion_model."} {
			key := prefix + c.model + ".weight"
			change := &change{module: c.name, path: p, kind: LoRA, rows: c.rows, cols: c.cols}
			at, dims, err := change.find(shapes(map[string][]int{key: c.dims}))
			if c.row < 0 {
				if err == nil || !strings.Contains(err.Error(), "does not fit") {
					t.Errorf("%s of %d rows fits: %v", c.name, c.rows, err)
				}
			} else if err != nil || at.weight != key || at.row(dims) != c.row {
				t.Errorf("%s is at row %d of %s, %v; want %d of %s", c.name, at.row(dims), at.weight, err, c.row, key)
			}
		}
	}
}
