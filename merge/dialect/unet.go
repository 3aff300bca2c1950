package dialect

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
)

var unetWords = append([]string{"diffusion_model", "unet"}, wrappers...)

// singleUNet is the UNet as single files have it, with or without their prefix.
// The witness is of the way out, which a ControlNet lacks.
var singleUNet = layout{
	part: block.UNet, names: "single-file", usual: true,
	witnesses: []string{"output_blocks.0.0.in_layers.2.weight"},
	words:     unetWords,
	read:      tops("time_embed", "label_emb", "input_blocks", "middle_block", "output_blocks", "out"),
}

// diffusersUNet is the UNet of diffusers (UNet2DConditionModel).
var diffusersUNet = layout{
	part: block.UNet, names: "diffusers",
	witnesses: []string{"up_blocks.0.resnets.0.time_emb_proj.weight"},
	words:     unetWords,
	read:      readDiffusersUNet,
}

// diffusersTop are the modules outside the blocks.
var diffusersTop = map[string]string{
	"time_embedding.linear_1": "time_embed.0",
	"time_embedding.linear_2": "time_embed.2",
	"add_embedding.linear_1":  "label_emb.0.0",
	"add_embedding.linear_2":  "label_emb.0.2",
	"conv_in":                 "input_blocks.0.0",
	"conv_norm_out":           "out.0",
	"conv_out":                "out.2",
}

// diffusersResidual are the modules of a residual block.
var diffusersResidual = map[string]string{
	"norm1":         "in_layers.0",
	"conv1":         "in_layers.2",
	"time_emb_proj": "emb_layers.1",
	"norm2":         "out_layers.0",
	"conv2":         "out_layers.3",
	"conv_shortcut": "skip_connection",
}

// A diffusersShape is what the names of blocks depend on.
type diffusersShape struct {
	layers int          // residual blocks of a level on the way in; there is one more on the way out
	attend map[int]bool // which levels of the way out have attention
}

func readDiffusersUNet(keys []string) speller {
	s := diffusersShape{layers: count(keys, "down_blocks.0.resnets."), attend: map[int]bool{}}
	for _, k := range keys {
		p := split(k)
		if len(p) > 3 && p[0] == "up_blocks" && p[2] == "attentions" {
			if level, ok := number(p[1]); ok {
				s.attend[level] = true
			}
		}
	}
	return func(key string) (slot, bool) {
		name, ok := s.key(key)
		return slot{key: name}, ok
	}
}

// key returns the single-file name. A level of the single file is a row of
// residual blocks, each with its attention, and a convolution that halves or
// doubles the image; the way in counts that convolution as a block of its own.
func (s diffusersShape) key(key string) (string, bool) {
	dot := strings.LastIndexByte(key, '.')
	if dot < 0 {
		return "", false
	}
	module, leaf := key[:dot], key[dot:]
	if top, ok := diffusersTop[module]; ok {
		return top + leaf, true
	}
	p := split(module)
	if p[0] == "mid_block" {
		p = append([]string{p[0], "0"}, p[1:]...) // it has one level
	}
	if len(p) < 4 {
		return "", false
	}
	level, ok1 := number(p[1])
	i, ok2 := number(p[3])
	if !ok1 || !ok2 {
		return "", false
	}
	var inner string
	rest, ok := strings.Join(p[4:], "."), true
	if p[2] == "resnets" {
		rest, ok = diffusersResidual[rest]
	}
	ok = ok && rest != ""
	switch p[0] + " " + p[2] {
	case "mid_block resnets":
		inner = fmt.Sprintf("middle_block.%d", 2*i)
	case "mid_block attentions":
		inner = fmt.Sprintf("middle_block.%d", 2*i+1)
	case "down_blocks resnets":
		inner = fmt.Sprintf("input_blocks.%d.0", 1+level*(s.layers+1)+i)
		ok = ok && i < s.layers
	case "down_blocks attentions":
		inner = fmt.Sprintf("input_blocks.%d.1", 1+level*(s.layers+1)+i)
		ok = ok && i < s.layers
	case "down_blocks downsamplers":
		inner = fmt.Sprintf("input_blocks.%d.0", 1+level*(s.layers+1)+s.layers)
		ok, rest = rest == "conv" && i == 0, "op"
	case "up_blocks resnets":
		inner = fmt.Sprintf("output_blocks.%d.0", level*(s.layers+1)+i)
		ok = ok && i <= s.layers
	case "up_blocks attentions":
		inner = fmt.Sprintf("output_blocks.%d.1", level*(s.layers+1)+i)
		ok = ok && i <= s.layers
	case "up_blocks upsamplers":
		at := 1
		if s.attend[level] {
			at = 2
		}
		inner = fmt.Sprintf("output_blocks.%d.%d", level*(s.layers+1)+s.layers, at)
		ok = rest == "conv" && i == 0
	default:
		ok = false
	}
	return inner + "." + rest + leaf, ok
}
