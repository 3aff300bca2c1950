package difference

import (
	"slices"
	"strconv"
	"strings"
)

// A network is what of a model a module belongs to.
type network uint8

// The networks. A file of SD1 or SD2 has one text encoder, of SDXL two; a file
// of a text encoder alone does not say which.
const (
	unet network = iota
	textAny
	text1
	text2
)

// String returns what people call n.
func (n network) String() string {
	switch n {
	case unet:
		return "UNet"
	case text2:
		return "second text encoder"
	case text1:
		return "first text encoder"
	}
	return "text encoder"
}

// A path is a module of a network, by its name within it: with dots, whatever
// the file has, in the words of the file.
type path struct {
	network network
	name    string
}

// prefixes are the beginnings of the names of modules. Flat ones are followed by
// a name whose dots became underscores.
var prefixes = []struct {
	begin   string
	network network
	flat    bool
}{
	// kohya's sd-scripts and all that follow them.
	{"lora_unet_", unet, true},
	{"lora_te_", textAny, true},
	{"lora_te1_", text1, true},
	{"lora_te2_", text2, true},
	{"lycoris_", unet, true},
	// diffusers, and ComfyUI's names for files of other trainers.
	{"unet.", unet, false},
	{"transformer.", unet, false},
	{"text_encoder.", textAny, false},
	{"text_encoder_2.", text2, false},
	{"model.diffusion_model.", unet, false},
	{"diffusion_model.", unet, false},
	// PEFT's, of a text encoder saved alone.
	{"text_model.", textAny, false},
	{"encoder.layers.", textAny, false},
}

// pathOf reads the name of a module as a file has it. False means that no
// program is known to write it.
func pathOf(module string) (path, bool) {
	module = strings.TrimPrefix(module, "base_model.model.")
	for _, p := range prefixes {
		name, in := strings.CutPrefix(module, p.begin)
		if !in {
			continue
		}
		if p.begin == "text_model." || p.begin == "encoder.layers." {
			name = module
		}
		if p.flat {
			var ok bool
			if name, ok = unflatten(name); !ok {
				return path{}, false
			}
		}
		name = oldNames(name)
		if p.network != unet && !strings.HasPrefix(name, "text_model.") {
			name = "text_model." + name // transformers from version 5 on leaves it out
		}
		return path{p.network, name}, true
	}
	first, _, _ := strings.Cut(module, ".")
	if slices.Contains(tops, first) {
		return path{unet, oldNames(module)}, true
	}
	return path{}, false
}

// tops are the first words of the modules of networks that are saved alone.
var tops = []string{
	"down_blocks", "mid_block", "up_blocks", "conv_in", "conv_out", "time_embedding", "add_embedding",
	"input_blocks", "middle_block", "output_blocks",
	"transformer_blocks", "single_transformer_blocks", "double_blocks", "single_blocks",
}

// oldNames returns the name of a module as diffusers has it today. Up to 2023
// the LoRAs of a layer of attention belonged to its "processor", and those of a
// text encoder had the UNet's names.
func oldNames(name string) string {
	if i := strings.LastIndex(name, ".processor.to_"); i >= 0 {
		name = name[:i] + name[i+len(".processor"):]
		if strings.HasSuffix(name, ".to_out") {
			name += ".0"
		}
	}
	if i := strings.LastIndex(name, ".self_attn.to_"); i >= 0 {
		name = name[:i] + ".self_attn." + name[i+len(".self_attn.to_"):] + "_proj"
	}
	return name
}

// words are the parts of a module's name, between dots, that are no numbers. No
// name is two of them with an underscore between, but for those that are there
// too: the longer one counts.
var words = []string{
	// UNets by the names of their files.
	"input_blocks", "middle_block", "output_blocks", "time_embed", "label_emb", "out",
	"in_layers", "out_layers", "emb_layers", "skip_connection", "op", "conv",
	// UNets by diffusers' names.
	"down_blocks", "mid_block", "up_blocks", "attentions", "resnets", "downsamplers", "upsamplers",
	"conv1", "conv2", "time_emb_proj", "conv_shortcut",
	"conv_in", "conv_out", "conv_norm_out", "time_embedding", "add_embedding", "linear_1", "linear_2",
	// Attention, in both.
	"proj_in", "proj_out", "transformer_blocks", "attn1", "attn2", "to_q", "to_k", "to_v", "to_out",
	"ff", "net", "proj", "norm", "norm1", "norm2", "norm3",
	// Text encoders.
	"text_model", "encoder", "layers", "self_attn", "q_proj", "k_proj", "v_proj", "out_proj",
	"mlp", "fc1", "fc2", "layer_norm1", "layer_norm2", "final_layer_norm", "embeddings", "token_embedding",
	"position_embedding", "text_projection",
	// Flux and Stable Diffusion 3, by the names of their files.
	"double_blocks", "single_blocks", "joint_blocks", "img_attn", "txt_attn", "img_mlp", "txt_mlp", "img_mod", "txt_mod",
	"qkv", "lin", "linear1", "linear2", "modulation", "img_in", "txt_in", "time_in", "vector_in", "guidance_in",
	"in_layer", "out_layer", "final_layer", "linear", "adaLN_modulation", "x_block", "context_block", "attn",
	"x_embedder", "context_embedder", "t_embedder", "y_embedder",
	// The same by diffusers' names.
	"single_transformer_blocks", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "ff_context",
	"norm1_context", "norm_out", "proj_mlp", "time_text_embed", "timestep_embedder", "text_embedder", "guidance_embedder",
}

// unflatten gives a name its dots back, which became underscores.
func unflatten(flat string) (string, bool) {
	var parts []string
	for rest := flat; rest != ""; {
		part := ""
		for _, w := range words {
			if len(w) > len(part) && begins(rest, w) {
				part = w
			}
		}
		if part == "" {
			part, _, _ = strings.Cut(rest, "_")
			if _, err := strconv.ParseUint(part, 10, 16); err != nil {
				return "", false
			}
		}
		parts = append(parts, part)
		if rest = rest[len(part):]; rest == "_" {
			return "", false
		}
		rest = strings.TrimPrefix(rest, "_")
	}
	return strings.Join(parts, "."), len(parts) > 0
}

// begins reports whether w is the first part of a flat name.
func begins(flat, w string) bool {
	return strings.HasPrefix(flat, w) && (len(flat) == len(w) || flat[len(w)] == '_')
}
