package difference

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A target is where in a model a module's weight is. Part is -1 where it is a
// whole tensor; otherwise the tensor is several weights, one below the other,
// all but the last as high as the tensor is wide, and part is the place among
// them.
type target struct {
	weight, bias string // keys; none: ""
	part         int
}

// whole is the tensor called stem with its bias.
func whole(stem string) target { return target{stem + ".weight", stem + ".bias", -1} }

// targets returns where p may be, by the names of a model's keys here: which of
// them the model has is for the caller to see. Networks differ only in where
// they keep the same thing, so that the name of a module does not tell the
// architecture, nor needs it be known.
func targets(p path) []target {
	switch p.network {
	case unet:
		return unetTargets(p.name)
	case textAny:
		return append(append(
			clipTargets("cond_stage_model.", p.name),
			openTargets("cond_stage_model.", p.name)...),
			clipTargets("conditioner.embedders.0.", p.name)...)
	case text1:
		return append(clipTargets("conditioner.embedders.0.", p.name), clipTargets("cond_stage_model.", p.name)...)
	}
	return openTargets("conditioner.embedders.1.", p.name)
}

// clipTargets is where a module is in a text encoder that has transformers' own
// names.
func clipTargets(prefix, name string) []target {
	if !strings.HasPrefix(name, "text_model.") {
		return nil
	}
	return []target{whole(prefix + "transformer." + name)}
}

var layer = regexp.MustCompile(`^text_model\.encoder\.layers\.([0-9]+)\.(.+)$`)

// openTargets is where a module of transformers' name is in OpenCLIP.
func openTargets(prefix, name string) []target {
	prefix += "model."
	switch name {
	case "text_model.final_layer_norm":
		return []target{whole(prefix + "ln_final")}
	case "text_model.embeddings.token_embedding":
		return []target{{prefix + "token_embedding.weight", "", -1}}
	case "text_model.embeddings.position_embedding":
		return []target{{prefix + "positional_embedding", "", -1}}
	}
	m := layer.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	stem := prefix + "transformer.resblocks." + m[1] + "."
	for i, part := range []string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"} {
		if m[2] == part {
			return []target{{stem + "attn.in_proj_weight", stem + "attn.in_proj_bias", i}}
		}
	}
	for open, hugging := range openNames {
		if m[2] == hugging {
			return []target{whole(stem + open)}
		}
	}
	return nil
}

// unetTargets is where a module of the UNet, or of what a model has in its place,
// may be. A file of it alone has no prefix.
func unetTargets(name string) []target {
	var list []target
	for _, t := range append(singleFile(name), renamed(name)...) {
		for _, prefix := range []string{"model.diffusion_model.", ""} {
			list = append(list, target{prefix + t.weight, prefix + t.bias, t.part})
		}
	}
	return list
}

// singleFile returns the names within the UNet that a module of a UNet may have
// in a model's file.
func singleFile(name string) []target {
	first, rest, _ := strings.Cut(name, ".")
	switch first {
	case "input_blocks", "middle_block", "output_blocks", "time_embed", "label_emb", "out":
		return []target{whole(name)}
	case "down_blocks", "up_blocks":
		return level(first, rest)
	case "mid_block":
		kind, rest, _ := strings.Cut(rest, ".")
		i, rest, ok := number(rest)
		if stem := inside(kind, rest); ok && stem != "" {
			if kind == "attentions" {
				return []target{whole(fmt.Sprintf("middle_block.%d.%s", 2*i+1, stem))}
			}
			return []target{whole(fmt.Sprintf("middle_block.%d.%s", 2*i, stem))}
		}
	}
	for file, diffusers := range topNames {
		if name == diffusers {
			return []target{whole(file)}
		}
	}
	return nil
}

// level returns the names of a module of a level on the way down or up.
func level(side, name string) []target {
	i, name, ok := number(name)
	if !ok {
		return nil
	}
	kind, name, _ := strings.Cut(name, ".")
	j, name, ok := number(name)
	if !ok || j >= perLevel {
		return nil
	}
	switch {
	case kind == "downsamplers" && side == "down_blocks" && name == "conv" && j == 0:
		return []target{whole(fmt.Sprintf("input_blocks.%d.0.op", perLevel*(i+1)))}
	case kind == "upsamplers" && side == "up_blocks" && name == "conv" && j == 0:
		// After the attention, where the level has it.
		out := perLevel*i + perLevel - 1
		return []target{whole(fmt.Sprintf("output_blocks.%d.2.conv", out)), whole(fmt.Sprintf("output_blocks.%d.1.conv", out))}
	}
	stem := inside(kind, name)
	if stem == "" {
		return nil
	}
	within := 0
	if kind == "attentions" {
		within = 1
	}
	if side == "down_blocks" {
		return []target{whole(fmt.Sprintf("input_blocks.%d.%d.%s", perLevel*i+j+1, within, stem))}
	}
	return []target{whole(fmt.Sprintf("output_blocks.%d.%d.%s", perLevel*i+j, within, stem))}
}

// inside returns the name that a module has within a residual block or a
// transformer, or "".
func inside(kind, name string) string {
	switch kind {
	case "attentions":
		return name
	case "resnets":
		for file, diffusers := range residualNames {
			if name == diffusers {
				return file
			}
		}
		return map[string]string{"norm1": "in_layers.0", "norm2": "out_layers.0"}[name]
	}
	return ""
}

// number cuts the number that s begins with off it, which is below 1000.
func number(s string) (n int, rest string, ok bool) {
	first, rest, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(first)
	return n, rest, err == nil && n >= 0 && n < 1000 && strconv.Itoa(n) == first
}
