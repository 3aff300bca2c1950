package block

import (
	"errors"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	const u = "model.diffusion_model."
	sd1 := map[string][]int{u + "input_blocks.0.0.weight": {320, 4, 3, 3}, u + "input_blocks.1.1.proj_in.weight": {320, 320, 1, 1}}
	with := func(m map[string][]int, key string, shape ...int) map[string][]int {
		c := map[string][]int{key: shape}
		for k, s := range m {
			if k != key {
				c[k] = s
			}
		}
		return c
	}
	sd2 := with(sd1, u+"input_blocks.1.1.proj_in.weight", 320, 320)
	xl := map[string][]int{
		u + "input_blocks.0.0.weight":         {320, 4, 3, 3},
		u + "input_blocks.4.1.proj_in.weight": {640, 640},
		u + "label_emb.0.0.weight":            {1280, 2816},
	}
	only := func(key string) map[string][]int { return map[string][]int{key: {1}} }

	for _, tt := range []struct {
		name  string
		shape map[string][]int
		want  string // the model, or a part of the error
	}{
		{"sd1", sd1, "sd1"},
		{"inpainting", with(sd1, u+"input_blocks.0.0.weight", 320, 9, 3, 3), "sd1 inpainting"},
		{"pix2pix", with(sd1, u+"input_blocks.0.0.weight", 320, 8, 3, 3), "sd1 pix2pix"},
		{"sd2", sd2, "sd2"},
		{"depth", with(sd2, u+"input_blocks.0.0.weight", 320, 5, 3, 3), "sd2 depth"},
		{"unclip", with(sd2, u+"label_emb.0.0.weight", 1280, 2048), "sd2 unclip"},
		{"sdxl", xl, "sdxl"},
		{"xl inpainting", with(xl, u+"input_blocks.0.0.weight", 320, 9, 3, 3), "sdxl inpainting"},

		{"channels", with(sd1, u+"input_blocks.0.0.weight", 320, 16, 3, 3), "16 input channels"},
		{"rank of input", with(sd1, u+"input_blocks.0.0.weight", 320), "1 dimensions"},
		{"rank of projection", with(sd1, u+"input_blocks.1.1.proj_in.weight", 320), "1 dimensions"},
		{"incomplete", only(u + "input_blocks.0.0.weight"), "1 dimensions"},
		{"no attention", map[string][]int{u + "input_blocks.0.0.weight": {320, 4, 3, 3}}, "incomplete"},
		{"refiner", with(xl, u+"input_blocks.9.0.op.weight", 1536, 1536, 3, 3), "sdxl-refiner"},
		{"flux", only("double_blocks.0.img_attn.qkv.weight"), "Flux"},
		{"flux with prefix", only(u + "double_blocks.0.img_attn.qkv.weight"), "Flux"},
		{"sd3", only(u + "joint_blocks.0.x_block.attn.qkv.weight"), "Stable Diffusion 3"},
		{"lora", only("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight"), "a LoRA"},
		{"loha", only("lora_te_text_model_encoder_layers_0_mlp_fc1.hada_w1_a"), "a LoRA"},
		{"peft", only("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight"), "a LoRA"},
		{"vae", only("first_stage_model.decoder.conv_in.weight"), "a VAE"},
		{"bare vae", only("decoder.conv_in.weight"), "a VAE"},
		{"clip", only("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"), "a text encoder"},
		{"diffusers", only("down_blocks.0.resnets.0.conv1.weight"), "a diffusers UNet"},
		{"bare unet", with(only("input_blocks.0.0.weight"), "out.0.weight", 320), "a UNet, and not all of it"},
		{"controlnet", only("control_model.input_blocks.0.0.weight"), "a ControlNet"},
		{"ema", only("model_ema.diffusion_modelinput_blocks00weight"), "EMA"},
		{"embedding", only("emb_params"), "textual inversion"},
		{"empty", nil, "no key of a UNet"},
		{"strange", only("x"), "no key of a UNet"},
	} {
		m, err := Detect(tt.shape)
		if err == nil {
			if m.String() != tt.want {
				t.Errorf("%s: %s; want %s", tt.name, m, tt.want)
			}
			continue
		}
		if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), tt.want) || m != (Model{}) {
			t.Errorf("%s: %v; want %s", tt.name, err, tt.want)
		}
	}
}
