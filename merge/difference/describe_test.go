package difference

import (
	"fmt"
	"slices"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/dialect"
)

func TestDescribe(t *testing.T) {
	l, err := Read(opened(t, "sdxl"))
	if err != nil {
		t.Fatal(err)
	}
	d := l.Describe()
	want := "{sdxl [PEFT (24)] [LoRA (20) LoCon (4)] [UNet (16) second text encoder (4) text encoder (4)] [4 (20) 8 (4)] [0.75 (16) 0.5 (4) 1 (4)]}"
	if got := fmt.Sprint(d); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	many := []Count{{"a", 9}, {"b", 8}, {"c", 7}, {"d", 6}, {"e", 5}, {"f", 4}, {"g", 3}, {"h", 2}}
	if got := List(many); got != "a (9), b (8), c (7), d (6), e (5), f (4), 2 others" {
		t.Error(got)
	}
}

// TestArch tells what models a LoRA is for from one of its modules, or from what
// its trainer wrote.
func TestArch(t *testing.T) {
	for _, c := range []struct {
		module   string
		in       int
		metadata map[string]string
		want     block.Arch
	}{
		{"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k", 768, nil, "sd1"},
		{"unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_v", 1024, nil, "sd2"},
		{"lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k", 2048, nil, "sdxl"},
		{"lora_unet_middle_block_1_transformer_blocks_3_attn2_to_k", 1280, nil, "sdxl-refiner"},
		{"lora_unet_middle_block_1_transformer_blocks_9_attn1_to_k", 640, nil, "sdxl"},
		{"lora_te2_text_model_encoder_layers_0_mlp_fc1", 8, nil, "sdxl"},
		{"lora_te_text_model_encoder_layers_0_mlp_fc1", 1024, nil, "sd2"},
		{"lora_te_text_model_encoder_layers_0_mlp_fc1", 768, nil, ""},
		{"lora_unet_double_blocks_0_img_attn_qkv", 8, nil, "flux"},
		{"transformer.single_transformer_blocks.0.proj_mlp", 8, nil, "flux"},
		{"lora_unet_joint_blocks_0_x_block_attn_qkv", 8, nil, "sd3"},
		{"lora_unet_conv_in", 8, nil, ""},
		{"lora_unet_conv_in", 8, map[string]string{"ss_base_model_version": "sd_v1"}, "sd1"},
		{"lora_unet_conv_in", 8, map[string]string{"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"},
		{"lora_unet_conv_in", 8, map[string]string{"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "sd2"},
	} {
		l, err := Read(file(t, map[string]numbers{c.module + ".diff": of(make([]float32, c.in), 1, c.in)}, c.metadata))
		if err != nil {
			t.Errorf("%s: %v", c.module, err)
		} else if got := l.Describe().Arch; got != c.want {
			t.Errorf("%s of %d, %v: for %q; want %q", c.module, c.in, c.metadata, got, c.want)
		}
	}
}

func TestIs(t *testing.T) {
	for name, want := range map[string]bool{
		module1 + ".lora_up.weight": true, module1 + ".dora_scale": true, "unet.conv_in.lora_A.x.weight": true, "anything.hada_w1_a": true,
		"model.diffusion_model.out.2.weight": false, module1 + ".alpha": false, "x.scale": false, "layer.b1.weight": false,
	} {
		if got := Is(file(t, map[string]numbers{name: of([]float32{1}, 1)}, nil)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestDialectLeavesNames: a LoRA's tensors keep their names where those of models
// get other ones.
func TestDialectLeavesNames(t *testing.T) {
	for _, name := range []string{
		"lora_unet_conv_in", "lora_te_text_model_encoder_layers_0_mlp_fc1", "unet.conv_in", "unet.down_blocks.0.resnets.0.conv1",
		"text_encoder.text_model.encoder.layers.0.mlp.fc1", "text_encoder_2.text_model.encoder.layers.0.mlp.fc1",
		"base_model.model.down_blocks.0.resnets.0.conv1", "base_model.model.text_model.encoder.layers.0.mlp.fc1",
		"base_model.model.encoder.layers.0.mlp.fc1", "down_blocks.0.resnets.0.conv1", "text_model.encoder.layers.0.mlp.fc1",
		"diffusion_model.double_blocks.0.img_attn.qkv", "model.diffusion_model.input_blocks.1.0.in_layers.2",
		"transformer.transformer_blocks.0.attn.to_q",
	} {
		for _, ends := range [][]string{
			{".lora_up.weight", ".lora_down.weight", ".alpha"}, {".lora_A.weight", ".lora_B.weight"}, {".lora.up.weight", ".lora.down.weight"}, {".diff", ".diff_b"},
		} {
			tensors := map[string]numbers{}
			for _, e := range ends {
				tensors[name+e] = of([]float32{1}, 1, 1)
			}
			f := file(t, tensors, nil)
			c, err := dialect.New(f.Container())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			view, err := checkpoint.New(c)
			if err != nil {
				t.Fatal(err)
			}
			same := slices.EqualFunc(f.Tensors(), view.Tensors(), func(a, b checkpoint.Tensor) bool { return a.Name == b.Name })
			if !same || !Is(view) {
				t.Errorf("%s%s became %s", name, ends[0], view.Tensors()[0].Name)
			} else if _, err := Read(view); err != nil {
				t.Error(err)
			}
		}
	}
}
