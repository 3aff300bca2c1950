package dialect

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

var vaeWords = append([]string{"first_stage_model", "vae"}, wrappers...)

// singleVAE is the VAE as single files have it, with or without their prefix.
var singleVAE = layout{
	part: block.VAE, names: "single-file", usual: true,
	witnesses: []string{"decoder.mid.block_1.conv1.weight", "encoder.mid.block_1.conv1.weight"},
	words:     vaeWords,
	read:      readSingleVAE,
}

// diffusersVAE is the VAE of diffusers (AutoencoderKL), old and new.
var diffusersVAE = layout{
	part: block.VAE, names: "diffusers",
	witnesses: []string{"decoder.mid_block.resnets.0.conv1.weight", "encoder.mid_block.resnets.0.conv1.weight"},
	words:     vaeWords,
	read:      readDiffusersVAE,
}

func readSingleVAE([]string) speller {
	return func(key string) (slot, bool) {
		p := split(key)
		switch {
		case p[0] == "quant_conv", p[0] == "post_quant_conv":
			return slot{key: key}, true
		case len(p) < 2 || p[0] != "encoder" && p[0] != "decoder":
			return slot{}, false
		}
		switch p[1] {
		case "conv_in", "down", "mid", "up", "norm_out", "conv_out":
			return slot{key: key}, true
		}
		return slot{}, false
	}
}

// vaeAttention are the modules of the attention. Files of 2022 have other names.
var vaeAttention = map[string]string{
	"group_norm": "norm",
	"to_q":       "q", "query": "q",
	"to_k": "k", "key": "k",
	"to_v": "v", "value": "v",
	"to_out.0": "proj_out", "proj_attn": "proj_out",
}

func readDiffusersVAE(keys []string) speller {
	levels := count(keys, "decoder.up_blocks.")
	return func(key string) (slot, bool) {
		name, ok := vaeKey(key, levels)
		return slot{key: name}, ok
	}
}

// vaeKey returns the single-file name. There, levels of the way out are counted
// from the last.
func vaeKey(key string, levels int) (string, bool) {
	dot := strings.LastIndexByte(key, '.')
	if dot < 0 {
		return "", false
	}
	module, leaf := key[:dot], key[dot:]
	p := split(module)
	if len(p) == 1 {
		return key, module == "quant_conv" || module == "post_quant_conv"
	}
	side := p[0]
	if side != "encoder" && side != "decoder" {
		return "", false
	}
	switch p[1] {
	case "conv_in", "conv_out":
		return key, len(p) == 2
	case "conv_norm_out":
		return side + ".norm_out" + leaf, len(p) == 2
	case "mid_block":
		p = append([]string{side, p[1], "0"}, p[2:]...) // it has one level
	}
	if len(p) < 6 {
		return "", false
	}
	level, ok1 := number(p[2])
	i, ok2 := number(p[4])
	rest := strings.Join(p[5:], ".")
	if !ok1 || !ok2 {
		return "", false
	}
	switch side + " " + p[1] + " " + p[3] {
	case "encoder mid_block resnets", "decoder mid_block resnets":
		rest, ok := vaeResidual(rest)
		return fmt.Sprintf("%s.mid.block_%d.%s%s", side, i+1, rest, leaf), ok
	case "encoder mid_block attentions", "decoder mid_block attentions":
		rest, ok := vaeAttention[rest]
		return fmt.Sprintf("%s.mid.attn_%d.%s%s", side, i+1, rest, leaf), ok
	case "encoder down_blocks resnets":
		rest, ok := vaeResidual(rest)
		return fmt.Sprintf("encoder.down.%d.block.%d.%s%s", level, i, rest, leaf), ok
	case "encoder down_blocks downsamplers":
		return fmt.Sprintf("encoder.down.%d.downsample.conv%s", level, leaf), rest == "conv" && i == 0
	case "decoder up_blocks resnets":
		rest, ok := vaeResidual(rest)
		return fmt.Sprintf("decoder.up.%d.block.%d.%s%s", levels-1-level, i, rest, leaf), ok
	case "decoder up_blocks upsamplers":
		return fmt.Sprintf("decoder.up.%d.upsample.conv%s", levels-1-level, leaf), rest == "conv" && i == 0
	}
	return "", false
}

func vaeResidual(module string) (string, bool) {
	switch module {
	case "norm1", "conv1", "norm2", "conv2":
		return module, true
	case "conv_shortcut":
		return "nin_shortcut", true
	}
	return "", false
}

// vaeShape returns the shape of the tensor of the VAE that has that key without
// its prefix. What diffusers has as linear layers of the attention is a 1x1
// convolution in single files: the same numbers.
func vaeShape(key string, t checkpoint.Tensor) []int {
	p := split(key)
	if len(t.Shape) == 2 && len(p) == 5 && p[1] == "mid" && p[2] == "attn_1" && p[4] == "weight" {
		return []int{t.Shape[0], t.Shape[1], 1, 1}
	}
	return t.Shape
}
