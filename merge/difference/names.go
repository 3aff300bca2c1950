package difference

import (
	"fmt"
	"strconv"
	"strings"

	"mixmatch/merge/block"
)

// Parts is how many modules of a LoRA the weight called key, of a single-file
// checkpoint, stands for: OpenCLIP keeps query, key and value in one matrix, one
// below the other. All others stand for one.
func Parts(key string) int {
	if strings.HasSuffix(key, ".attn.in_proj_weight") {
		return 3
	}
	return 1
}

// ModuleName returns the name that kohya's sd-scripts, and all programs that
// read its files, have for a module: part part of the weight called key. False
// means that LoRAs have no name for it: norms, embeddings and biases, and all
// that is not of the UNet or a text encoder.
//
// SD1's and SD2's UNet goes by its diffusers name there, SDXL's by that of the
// single file, and the text encoders by those of Hugging Face's transformers.
func ModuleName(arch block.Arch, key string, part int) (string, bool) {
	if part < 0 || part >= Parts(key) {
		return "", false
	}
	stem, ok := strings.CutSuffix(key, ".weight")
	if !ok {
		stem, ok = strings.CutSuffix(key, "_weight")
	}
	if !ok {
		return "", false
	}
	var name, prefix string
	if unet, in := strings.CutPrefix(stem, "model.diffusion_model."); in {
		prefix = "lora_unet_"
		name, ok = unetName(unet)
		if ok && block.LoRAsOf(arch).SingleFile {
			name = unet
		}
	} else {
		prefix, name, ok = textName(arch, stem, part)
	}
	if !ok {
		return "", false
	}
	return prefix + strings.ReplaceAll(name, ".", "_"), true
}

// topNames are the modules of a UNet outside its blocks.
var topNames = map[string]string{
	"time_embed.0":     "time_embedding.linear_1",
	"time_embed.2":     "time_embedding.linear_2",
	"label_emb.0.0":    "add_embedding.linear_1",
	"label_emb.0.2":    "add_embedding.linear_2",
	"input_blocks.0.0": "conv_in",
	"out.2":            "conv_out",
}

// residualNames are the modules of a residual block, but for its norms.
var residualNames = map[string]string{
	"in_layers.2":     "conv1",
	"emb_layers.1":    "time_emb_proj",
	"out_layers.3":    "conv2",
	"skip_connection": "conv_shortcut",
}

// A level of the way in has two residual blocks and a convolution that halves
// the image, one of the way out three residual blocks, the last of them with a
// convolution that doubles it.
const perLevel = 3

// unetName returns the diffusers name of a module of the UNet.
func unetName(stem string) (string, bool) {
	if name, ok := topNames[stem]; ok {
		return name, true
	}
	f := strings.SplitN(stem, ".", 4)
	if f[0] == "middle_block" {
		f = strings.SplitN(stem, ".", 3)
		switch {
		case len(f) < 3:
			return "", false
		case f[1] == "1":
			return inAttention("mid_block.attentions.0", f[2])
		}
		i, err := strconv.Atoi(f[1])
		name, ok := residualNames[f[2]]
		return fmt.Sprintf("mid_block.resnets.%d.%s", i/2, name), ok && err == nil
	}
	if len(f) < 4 {
		return "", false
	}
	i, err := strconv.Atoi(f[1])
	if err != nil {
		return "", false
	}
	var block string
	var j int
	switch f[0] {
	case "input_blocks":
		block, j = fmt.Sprintf("down_blocks.%d", (i-1)/perLevel), (i-1)%perLevel
		if f[2] == "0" && f[3] == "op" {
			return block + ".downsamplers.0.conv", true
		}
	case "output_blocks":
		block, j = fmt.Sprintf("up_blocks.%d", i/perLevel), i%perLevel
		if f[3] == "conv" {
			return block + ".upsamplers.0.conv", true
		}
	default:
		return "", false
	}
	if f[2] == "0" {
		name, ok := residualNames[f[3]]
		return fmt.Sprintf("%s.resnets.%d.%s", block, j, name), ok
	}
	return inAttention(fmt.Sprintf("%s.attentions.%d", block, j), f[3])
}

// inAttention returns the name of a module of a spatial transformer, which is
// the same on both sides.
func inAttention(prefix, rest string) (string, bool) {
	last := rest[strings.LastIndexByte(rest, '.')+1:]
	return prefix + "." + rest, !strings.HasPrefix(last, "norm")
}

// openNames are the modules of a layer of OpenCLIP.
var openNames = map[string]string{
	"attn.out_proj": "self_attn.out_proj",
	"mlp.c_fc":      "mlp.fc1",
	"mlp.c_proj":    "mlp.fc2",
}

// textName returns the prefix and the name of a module of a text encoder.
func textName(arch block.Arch, stem string, part int) (prefix, name string, ok bool) {
	const layers = "text_model.encoder.layers."
	for _, encoder := range block.LoRAsOf(arch).Encoders {
		rest, in := strings.CutPrefix(stem, encoder.From)
		if !in {
			continue
		}
		layer, module, _ := strings.Cut(rest, ".")
		switch {
		case !encoder.Open:
			ok = strings.HasPrefix(module, "self_attn.") || strings.HasPrefix(module, "mlp.")
		case module == "attn.in_proj":
			module, ok = "self_attn."+[]string{"q", "k", "v"}[part]+"_proj", true
		default:
			module, ok = openNames[module]
		}
		return encoder.Prefix, layers + layer + "." + module, ok
	}
	return "", "", false
}
