package dialect

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
)

// flux and sd3 are transformers, which stand where UNets do, as single files have
// them.
var flux = layout{
	part: block.UNet, names: "single-file", usual: true, of: fluxFamily,
	witnesses: []string{"double_blocks.0.img_attn.qkv.weight"},
	words:     unetWords,
	read:      tops("img_in", "txt_in", "time_in", "vector_in", "guidance_in", "double_blocks", "single_blocks", "final_layer"),
}

var sd3 = layout{
	part: block.UNet, names: "single-file", usual: true, of: sd3Family,
	witnesses: []string{"joint_blocks.0.x_block.attn.qkv.weight"},
	words:     unetWords,
	read:      tops("x_embedder", "t_embedder", "y_embedder", "context_embedder", "pos_embed", "joint_blocks", "final_layer"),
}

// diffusersFlux and diffusersSD3 are those of diffusers (FluxTransformer2DModel,
// SD3Transformer2DModel). What else they need tells them from ControlNets, which
// have no end, and from transformers that are built alike.
var diffusersFlux = layout{
	part: block.UNet, names: "diffusers", of: fluxFamily,
	witnesses: []string{"single_transformer_blocks.0.proj_mlp.weight"},
	needs:     []string{"x_embedder.weight", "time_text_embed.text_embedder.linear_1.weight", "transformer_blocks.0.norm1.linear.weight", "norm_out.linear.weight"},
	words:     append([]string{"transformer"}, unetWords...),
	read:      func([]string) speller { return fluxSlot },
}

var diffusersSD3 = layout{
	part: block.UNet, names: "diffusers", of: sd3Family,
	witnesses: []string{"pos_embed.pos_embed"},
	needs:     []string{"pos_embed.proj.weight", "time_text_embed.text_embedder.linear_1.weight", "transformer_blocks.0.attn.add_q_proj.weight", "norm_out.linear.weight"},
	words:     append([]string{"transformer"}, unetWords...),
	read:      readDiffusersSD3,
}

// A rule is what a module of diffusers becomes. A number in front is for a piece of
// what single files have as one: "0/3 qkv" is the first of three. A "~" in front is
// for halves that are the other way round, which diffusers has where it takes scale
// and shift from one layer in its own order.
type rules map[string]string

// slot returns what a module of a block, or outside of them, becomes.
func (r rules) slot(module, leaf, prefix string) (slot, bool) {
	to, ok := r[module]
	var s slot
	if piece, rest, is := strings.Cut(to, " "); is {
		if _, err := fmt.Sscanf(piece, "%d/%d", &s.piece, &s.of); err != nil {
			panic(err) // of a constant table
		}
		to = rest
	}
	to, s.swapped = strings.TrimPrefix(to, "~"), strings.HasPrefix(to, "~")
	if name, is := strings.CutSuffix(to, ".scale"); is { // of a norm, which has no other
		s.key = prefix + name + ".scale"
		return s, ok && leaf == "weight"
	}
	s.key = prefix + to + "." + leaf
	return s, ok
}

var fluxTop = rules{
	"x_embedder":       "img_in",
	"context_embedder": "txt_in",
	"time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
	"time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
	"time_text_embed.text_embedder.linear_1":     "vector_in.in_layer",
	"time_text_embed.text_embedder.linear_2":     "vector_in.out_layer",
	"time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
	"time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
	"proj_out":        "final_layer.linear",
	"norm_out.linear": "~final_layer.adaLN_modulation.1",
}

var fluxDouble = rules{
	"norm1.linear":          "img_mod.lin",
	"norm1_context.linear":  "txt_mod.lin",
	"attn.to_q":             "0/3 img_attn.qkv",
	"attn.to_k":             "1/3 img_attn.qkv",
	"attn.to_v":             "2/3 img_attn.qkv",
	"attn.add_q_proj":       "0/3 txt_attn.qkv",
	"attn.add_k_proj":       "1/3 txt_attn.qkv",
	"attn.add_v_proj":       "2/3 txt_attn.qkv",
	"attn.norm_q":           "img_attn.norm.query_norm.scale",
	"attn.norm_k":           "img_attn.norm.key_norm.scale",
	"attn.norm_added_q":     "txt_attn.norm.query_norm.scale",
	"attn.norm_added_k":     "txt_attn.norm.key_norm.scale",
	"attn.to_out.0":         "img_attn.proj",
	"attn.to_add_out":       "txt_attn.proj",
	"ff.net.0.proj":         "img_mlp.0",
	"ff.net.2":              "img_mlp.2",
	"ff_context.net.0.proj": "txt_mlp.0",
	"ff_context.net.2":      "txt_mlp.2",
}

var fluxSingle = rules{
	"norm.linear": "modulation.lin",
	"attn.to_q":   "0/4 linear1",
	"attn.to_k":   "1/4 linear1",
	"attn.to_v":   "2/4 linear1",
	"proj_mlp":    "3/4 linear1",
	"proj_out":    "linear2",
	"attn.norm_q": "norm.query_norm.scale",
	"attn.norm_k": "norm.key_norm.scale",
}

// fluxSlot returns the place of a tensor of Flux.
func fluxSlot(key string) (slot, bool) {
	b, ok := cutBlock(key)
	if !ok {
		return slot{}, false
	}
	switch b.series {
	case "":
		return fluxTop.slot(b.module, b.leaf, "")
	case "transformer_blocks":
		return fluxDouble.slot(b.module, b.leaf, fmt.Sprintf("double_blocks.%d.", b.number))
	case "single_transformer_blocks":
		return fluxSingle.slot(b.module, b.leaf, fmt.Sprintf("single_blocks.%d.", b.number))
	}
	return slot{}, false
}

var sd3Top = rules{
	"pos_embed.proj":   "x_embedder.proj",
	"context_embedder": "context_embedder",
	"time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
	"time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
	"time_text_embed.text_embedder.linear_1":     "y_embedder.mlp.0",
	"time_text_embed.text_embedder.linear_2":     "y_embedder.mlp.2",
	"proj_out":                                   "final_layer.linear",
	"norm_out.linear":                            "~final_layer.adaLN_modulation.1",
}

var sd3Joint = rules{
	"norm1.linear":          "x_block.adaLN_modulation.1",
	"norm1_context.linear":  "context_block.adaLN_modulation.1",
	"attn.to_q":             "0/3 x_block.attn.qkv",
	"attn.to_k":             "1/3 x_block.attn.qkv",
	"attn.to_v":             "2/3 x_block.attn.qkv",
	"attn.add_q_proj":       "0/3 context_block.attn.qkv",
	"attn.add_k_proj":       "1/3 context_block.attn.qkv",
	"attn.add_v_proj":       "2/3 context_block.attn.qkv",
	"attn.norm_q":           "x_block.attn.ln_q",
	"attn.norm_k":           "x_block.attn.ln_k",
	"attn.norm_added_q":     "context_block.attn.ln_q",
	"attn.norm_added_k":     "context_block.attn.ln_k",
	"attn.to_out.0":         "x_block.attn.proj",
	"attn.to_add_out":       "context_block.attn.proj",
	"attn2.to_q":            "0/3 x_block.attn2.qkv",
	"attn2.to_k":            "1/3 x_block.attn2.qkv",
	"attn2.to_v":            "2/3 x_block.attn2.qkv",
	"attn2.norm_q":          "x_block.attn2.ln_q",
	"attn2.norm_k":          "x_block.attn2.ln_k",
	"attn2.to_out.0":        "x_block.attn2.proj",
	"ff.net.0.proj":         "x_block.mlp.fc1",
	"ff.net.2":              "x_block.mlp.fc2",
	"ff_context.net.0.proj": "context_block.mlp.fc1",
	"ff_context.net.2":      "context_block.mlp.fc2",
}

// readDiffusersSD3 knows the last block, in which the text is only looked at: its
// scale and shift are in diffusers' order there.
func readDiffusersSD3(keys []string) speller {
	goesOn := map[string]bool{} // the text does, behind these blocks
	for _, k := range keys {
		if b, ok := strings.CutSuffix(k, ".attn.to_add_out.weight"); ok {
			goesOn[b] = true
		}
	}
	return func(key string) (slot, bool) {
		if key == "pos_embed.pos_embed" {
			return slot{key: "pos_embed"}, true
		}
		b, ok := cutBlock(key)
		switch {
		case !ok:
			return slot{}, false
		case b.series == "":
			return sd3Top.slot(b.module, b.leaf, "")
		case b.series != "transformer_blocks":
			return slot{}, false
		}
		s, ok := sd3Joint.slot(b.module, b.leaf, fmt.Sprintf("joint_blocks.%d.", b.number))
		if b.module == "norm1_context.linear" {
			s.swapped = !goesOn[fmt.Sprintf("transformer_blocks.%d", b.number)]
		}
		return s, ok
	}
}

// An inBlock is a key taken apart: transformer_blocks.3.attn.to_q.weight.
type inBlock struct {
	series       string // "" outside of blocks
	number       int
	module, leaf string
}

func cutBlock(key string) (inBlock, bool) {
	dot := strings.LastIndexByte(key, '.')
	if dot < 0 {
		return inBlock{}, false
	}
	b := inBlock{module: key[:dot], leaf: key[dot+1:]}
	if b.leaf != "weight" && b.leaf != "bias" {
		return b, false
	}
	p := strings.SplitN(b.module, ".", 3)
	if len(p) == 3 {
		if n, ok := number(p[1]); ok && strings.HasSuffix(p[0], "_blocks") {
			b.series, b.number, b.module = p[0], n, p[2]
		}
	}
	return b, true
}
