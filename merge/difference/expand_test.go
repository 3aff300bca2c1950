package difference

import "testing"

const (
	module1 = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
	key1    = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight"
	conv1   = "lora_unet_down_blocks_0_resnets_0_conv1"
	convKey = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight"
)

// TestExpandKinds has one small change of each kind, with what it comes to by
// hand.
func TestExpandKinds(t *testing.T) {
	linear := func(w ...float32) map[string]numbers { return map[string]numbers{key1: of(w, 2, 3)} }
	conv := func(shape []int, w ...float32) map[string]numbers {
		return map[string]numbers{convKey: of(w, shape...)}
	}
	for name, c := range map[string]struct {
		file map[string]numbers // by what follows the module
		want map[string]numbers
	}{
		"LoRA of rank 1, no alpha": {map[string]numbers{
			".lora_up.weight":   of([]float32{1, 2}, 2, 1),
			".lora_down.weight": of([]float32{3, 4, 5}, 1, 3),
		}, linear(3, 4, 5, 6, 8, 10)},
		"LoRA of rank 2, alpha 1": {map[string]numbers{
			".lora_up.weight":   of([]float32{1, 2, 3, 4}, 2, 2),
			".lora_down.weight": of([]float32{1, 0, 2, 0, 1, 1}, 2, 3),
			".alpha":            of([]float32{1}),
		}, linear(0.5, 1, 2, 1.5, 2, 5)},
		"PEFT": {map[string]numbers{
			".lora_B.weight":         of([]float32{1, 2}, 2, 1),
			".lora_A.default.weight": of([]float32{3, 4, 5}, 1, 3),
		}, linear(3, 4, 5, 6, 8, 10)},
		"LoRA stored as a 1x1 convolution": {map[string]numbers{
			".lora_up.weight":   of([]float32{1, 2}, 2, 1, 1, 1),
			".lora_down.weight": of([]float32{3, 4, 5}, 1, 3, 1, 1),
		}, linear(3, 4, 5, 6, 8, 10)},
		"whole": {map[string]numbers{".diff": of([]float32{1, 2, 3, 4, 5, 6}, 2, 3), ".alpha": of([]float32{9})}, linear(1, 2, 3, 4, 5, 6)},
		"LoHa": {map[string]numbers{
			".hada_w1_a": of([]float32{1, 2}, 2, 1),
			".hada_w1_b": of([]float32{1, 2, 3}, 1, 3),
			".hada_w2_a": of([]float32{1, -1}, 2, 1),
			".hada_w2_b": of([]float32{4, 5, 6}, 1, 3),
			".alpha":     of([]float32{0.5}),
		}, linear(2, 5, 9, -4, -10, -18)},
		"LoKr of two matrices, whose alpha means nothing": {map[string]numbers{
			".lokr_w1": of([]float32{1, 2}, 2, 1),
			".lokr_w2": of([]float32{3, 4, 5}, 1, 3),
			".alpha":   of([]float32{1e10}),
		}, linear(3, 4, 5, 6, 8, 10)},
		"LoKr of two products, whose alpha is for the second": {map[string]numbers{
			".lokr_w1_a": of([]float32{2, 1, 1, 0}, 2, 2),
			".lokr_w1_b": of([]float32{1, 0}, 2, 1),
			".lokr_w2_a": of([]float32{2}, 1, 1),
			".lokr_w2_b": of([]float32{1, 2, 3}, 1, 3),
			".alpha":     of([]float32{3}),
		}, linear(12, 24, 36, 6, 12, 18)},
	} {
		t.Run(name, func(t *testing.T) {
			tensors := map[string]numbers{}
			for end, x := range c.file {
				tensors[module1+end] = x
			}
			same(t, expand(t, tensors, map[string][]int{key1: {2, 3}}), c.want)
		})
	}
	for name, c := range map[string]struct {
		shape []int
		file  map[string]numbers
		want  map[string]numbers
	}{
		"LoCon": {[]int{2, 1, 1, 2}, map[string]numbers{
			".lora_up.weight":   of([]float32{1, 2}, 2, 1, 1, 1),
			".lora_down.weight": of([]float32{3, 4}, 1, 1, 1, 2),
			".alpha":            of([]float32{2}),
		}, conv([]int{2, 1, 1, 2}, 6, 8, 12, 16)},
		// Sum over p and q of up_ip core_pq down_qj: one place of the kernel at a
		// time, (1 2) times that place's matrix times down.
		"LoCon with a core": {[]int{1, 2, 1, 2}, map[string]numbers{
			".lora_up.weight":   of([]float32{1, 2}, 1, 2, 1, 1),
			".lora_mid.weight":  of([]float32{1, 5, 2, 6, 3, 7, 4, 8}, 2, 2, 1, 2),
			".lora_down.weight": of([]float32{1, 0, 1, 1}, 2, 2, 1, 1),
		}, conv([]int{1, 2, 1, 2}, 7+10, 19+22, 10, 22)},
		"LoHa with cores": {[]int{1, 2, 1, 2}, map[string]numbers{
			".hada_w1_a": of([]float32{1, 2}, 2, 1),
			".hada_t1":   of([]float32{1, 5, 2, 6, 3, 7, 4, 8}, 2, 2, 1, 2),
			".hada_w1_b": of([]float32{1, 0, 1, 1}, 2, 2),
			".hada_w2_a": of([]float32{2}, 1, 1),
			".hada_t2":   of([]float32{1, 1}, 1, 1, 1, 2),
			".hada_w2_b": of([]float32{1, 2}, 1, 2),
		}, conv([]int{1, 2, 1, 2}, 34, 82, 40, 88)},
		"LoHa": {[]int{2, 1, 1, 2}, map[string]numbers{
			".hada_w1_a": of([]float32{1, 2}, 2, 1),
			".hada_w1_b": of([]float32{3, 4}, 1, 2),
			".hada_w2_a": of([]float32{1, 1}, 2, 1),
			".hada_w2_b": of([]float32{1, 2}, 1, 2),
		}, conv([]int{2, 1, 1, 2}, 3, 8, 6, 16)},
		"LoKr with a kernel": {[]int{2, 2, 1, 2}, map[string]numbers{
			".lokr_w1": of([]float32{1, 2, 3, 4}, 2, 2),
			".lokr_w2": of([]float32{5, 6}, 1, 1, 1, 2),
		}, conv([]int{2, 2, 1, 2}, 5, 6, 10, 12, 15, 18, 20, 24)},
		"LoKr with a core": {[]int{2, 1, 1, 2}, map[string]numbers{
			".lokr_w1":   of([]float32{1, 2}, 2, 1),
			".lokr_w2_a": of([]float32{3}, 1, 1),
			".lokr_t2":   of([]float32{1, 2}, 1, 1, 1, 2),
			".lokr_w2_b": of([]float32{5}, 1, 1),
			".alpha":     of([]float32{2}),
		}, conv([]int{2, 1, 1, 2}, 30, 60, 60, 120)},
		"whole": {[]int{1, 1, 1, 2}, map[string]numbers{".diff": of([]float32{1, 2}, 1, 1, 1, 2)}, conv([]int{1, 1, 1, 2}, 1, 2)},
	} {
		t.Run("convolution, "+name, func(t *testing.T) {
			tensors := map[string]numbers{}
			for end, x := range c.file {
				tensors[conv1+end] = x
			}
			same(t, expand(t, tensors, map[string][]int{convKey: c.shape}), c.want)
		})
	}
}

// TestExpandPlaces: query, key and value are rows of one matrix in OpenCLIP, a
// projection is a 1x1 convolution in SD1, and biases and norms are whole.
func TestExpandPlaces(t *testing.T) {
	const open = "conditioner.embedders.1.model.transformer.resblocks.3.attn.in_proj_"
	te := "lora_te2_text_model_encoder_layers_3_self_attn_"
	same(t, expand(t, map[string]numbers{
		te + "q_proj.lora_up.weight":   of([]float32{1, 2}, 2, 1),
		te + "q_proj.lora_down.weight": of([]float32{1, 10}, 1, 2),
		te + "v_proj.lora_up.weight":   of([]float32{3, 4}, 2, 1),
		te + "v_proj.lora_down.weight": of([]float32{1, 10}, 1, 2),
		te + "v_proj.diff_b":           of([]float32{7, 8}, 2),
	}, map[string][]int{open + "weight": {6, 2}, open + "bias": {6}}), map[string]numbers{
		open + "weight": of([]float32{1, 10, 2, 20, 0, 0, 0, 0, 3, 30, 4, 40}, 6, 2),
		open + "bias":   of([]float32{0, 0, 0, 0, 7, 8}, 6),
	})

	const stem = "model.diffusion_model.input_blocks.1.1."
	same(t, expand(t, map[string]numbers{
		"unet.down_blocks.0.attentions.0.proj_in.lora_A.weight": of([]float32{1, 2}, 1, 2),
		"unet.down_blocks.0.attentions.0.proj_in.lora_B.weight": of([]float32{3, 4}, 2, 1),
		"lora_unet_down_blocks_0_attentions_0_norm.w_norm":      of([]float32{5, 6}, 2),
		"lora_unet_down_blocks_0_attentions_0_norm.b_norm":      of([]float32{7, 8}, 2),
		"unet.conv_out.alpha":                                                                   of([]float32{2}, 1),
		"unet.conv_out.lora.down.weight":                                                        of([]float32{1}, 1, 1, 1, 1),
		"unet.conv_out.lora.up.weight":                                                          of([]float32{1}, 1, 1, 1, 1),
		"unet.mid_block.attentions.0.proj_out.diff":                                             of([]float32{9}, 1, 1),
		"unet.up_blocks.0.upsamplers.0.conv.lora_linear_layer.up.weight":                        of([]float32{1}, 1, 1),
		"unet.up_blocks.0.upsamplers.0.conv.lora_linear_layer.down.weight":                      of([]float32{1}, 1, 1, 1, 1),
		"up_blocks.1.attentions.2.transformer_blocks.0.attn1.processor.to_out_lora.up.weight":   of([]float32{2}, 1, 1),
		"up_blocks.1.attentions.2.transformer_blocks.0.attn1.processor.to_out_lora.down.weight": of([]float32{2}, 1, 1),
	}, map[string][]int{
		stem + "proj_in.weight": {2, 2, 1, 1}, stem + "norm.weight": {2}, stem + "norm.bias": {2},
		"model.diffusion_model.out.2.weight":                                                 {1, 1, 1, 1},
		"model.diffusion_model.middle_block.1.proj_out.weight":                               {1, 1, 1, 1},
		"model.diffusion_model.output_blocks.2.1.conv.weight":                                {1, 1, 1, 1},
		"model.diffusion_model.output_blocks.5.1.transformer_blocks.0.attn1.to_out.0.weight": {1, 1},
	}), map[string]numbers{
		stem + "proj_in.weight":                                of([]float32{3, 6, 4, 8}, 2, 2, 1, 1),
		stem + "norm.weight":                                   of([]float32{5, 6}, 2),
		stem + "norm.bias":                                     of([]float32{7, 8}, 2),
		"model.diffusion_model.out.2.weight":                   of([]float32{2}, 1, 1, 1, 1),
		"model.diffusion_model.middle_block.1.proj_out.weight": of([]float32{9}, 1, 1, 1, 1),
		"model.diffusion_model.output_blocks.2.1.conv.weight":  of([]float32{1}, 1, 1, 1, 1),
		"model.diffusion_model.output_blocks.5.1.transformer_blocks.0.attn1.to_out.0.weight": of([]float32{4}, 1, 1),
	})
}
