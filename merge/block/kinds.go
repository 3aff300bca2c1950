package block

import "slices"

// networks are those that people keep beside others, each with keys of which it
// has at least one: what to call a file that lacks so much of one that it is not
// recognised.
var networks = []kind{
	{"Flux, and not all of it", both(
		"double_blocks.0.img_attn.qkv.weight", "single_blocks.0.linear1.weight",
		"single_transformer_blocks.0.attn.to_q.weight",
	)},
	{"Stable Diffusion 3, and not all of it", both(
		"joint_blocks.0.x_block.attn.qkv.weight", "joint_blocks.0.context_block.attn.qkv.weight",
	)},
	{"Stable Cascade, and not all of it", both("clip_txt_mapper.weight", "clip_txt_pooled_mapper.weight")},
	{"AuraFlow, and not all of it", both("double_layers.0.attn.w1q.weight")},
	{"PixArt, and not all of it", both("adaln_single.linear.weight", "t_block.1.weight")},
}

// A kind is a sort of file, with keys of which it has at least one.
type kind struct {
	what string
	keys []string
}

// kinds are other files that people keep beside checkpoints. A file may fit
// several; the first counts.
var kinds = []kind{
	{"a ControlNet", []string{
		"control_model.input_blocks.0.0.weight", "zero_convs.0.0.weight",
		"controlnet_cond_embedding.conv_in.weight",
	}},
	{aLoRA, loraKeys()},
	{"the EMA weights of a UNet alone", []string{emaPrefix + "diffusion_modelinput_blocks00weight"}},
	{"a diffusers UNet, and not all of it", []string{
		"down_blocks.0.resnets.0.conv1.weight", "unet.down_blocks.0.resnets.0.conv1.weight",
	}},
	{"a UNet, and not all of it", []string{
		"input_blocks.0.0.weight", "diffusion_model.input_blocks.0.0.weight",
	}},
	{"a text encoder without a UNet", []string{
		clipPrefix + "transformer.text_model.embeddings.token_embedding.weight",
		clipPrefix + "transformer.embeddings.token_embedding.weight",
		clipPrefix + "model.token_embedding.weight",
		xlPrefix + "embedders.0.transformer.text_model.embeddings.token_embedding.weight",
		xlPrefix + "embedders.1.model.token_embedding.weight",
		"text_model.embeddings.token_embedding.weight",
		"transformer.text_model.embeddings.token_embedding.weight",
		"token_embedding.weight",
		"encoder.block.0.layer.0.SelfAttention.q.weight", // T5
	}},
	{"a VAE without a UNet", []string{
		vaePrefix + "decoder.conv_in.weight", "decoder.conv_in.weight",
		vaePrefix + "encoder.conv_in.weight", "encoder.conv_in.weight",
	}},
	{"a textual inversion embedding", []string{"emb_params", "clip_l", "clip_g"}},
	{"an upscaler", []string{"conv_first.weight", "model.0.weight"}},
}

const aLoRA = "a LoRA, which is a difference to a checkpoint"

// loraHalves are the ends of the keys of LoRAs, whatever they were trained on.
var loraHalves = []string{".lora_down.weight", ".lora_A.weight", ".lora.down.weight", ".hada_w1_a", ".lokr_w1", ".lora_A.default.weight"}

// both returns keys with and without the prefix of a UNet.
func both(keys ...string) []string {
	all := slices.Clone(keys)
	for _, k := range keys {
		all = append(all, unetPrefix+k)
	}
	return all
}

// loraKeys returns first keys of the LoRAs of several trainers, which train
// different modules and spell them differently.
func loraKeys() []string {
	var keys []string
	for _, module := range []string{
		// Attention of SD1 and SD2, of SDXL, of its UNet by single-file names, and of Flux.
		"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
		"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k",
		"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
		"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q",
		"lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
		"lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
		"lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q",
		"lora_unet_output_blocks_3_1_transformer_blocks_0_attn1_to_q",
		"lora_unet_double_blocks_0_img_attn_qkv",
		"lora_unet_single_blocks_0_linear1",
		// Text encoders.
		"lora_te_text_model_encoder_layers_0_self_attn_q_proj",
		"lora_te_text_model_encoder_layers_0_mlp_fc1",
		"lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
	} {
		for _, half := range []string{".lora_down.weight", ".hada_w1_a", ".lokr_w1", ".oft_blocks", ".diff"} {
			keys = append(keys, module+half)
		}
	}
	for _, module := range []string{
		"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.",
		"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.",
		"unet.mid_block.attentions.0.transformer_blocks.0.attn1.",
		"transformer.transformer_blocks.0.attn.",
		"transformer.single_transformer_blocks.0.attn.",
		"diffusion_model.double_blocks.0.img_attn.qkv.",
	} {
		keys = append(keys,
			module+"to_q.lora_A.weight", module+"to_q.lora.down.weight", module+"lora_A.weight",
			module+"processor.to_q_lora.down.weight")
	}
	return keys
}
