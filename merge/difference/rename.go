package difference

import (
	"regexp"
)

// A rename is what diffusers calls a module of Flux or Stable Diffusion 3, and
// where it is in the files of their makers, where query, key and value are one
// matrix (and, in Flux's single blocks, what goes into the feed forward the fourth
// part of it).
type rename struct {
	diffusers *regexp.Regexp
	file      string
	part      int
}

// renames follow the layout in which diffusers' converters take the files apart.
// The two have the same names in diffusers, and differ in the files.
var renames = func() (list []rename) {
	for _, r := range []struct {
		diffusers, file string
		part            int
	}{
		{`transformer_blocks\.([0-9]+)\.attn\.to_q`, "double_blocks.$1.img_attn.qkv", 0},
		{`transformer_blocks\.([0-9]+)\.attn\.to_k`, "double_blocks.$1.img_attn.qkv", 1},
		{`transformer_blocks\.([0-9]+)\.attn\.to_v`, "double_blocks.$1.img_attn.qkv", 2},
		{`transformer_blocks\.([0-9]+)\.attn\.add_q_proj`, "double_blocks.$1.txt_attn.qkv", 0},
		{`transformer_blocks\.([0-9]+)\.attn\.add_k_proj`, "double_blocks.$1.txt_attn.qkv", 1},
		{`transformer_blocks\.([0-9]+)\.attn\.add_v_proj`, "double_blocks.$1.txt_attn.qkv", 2},
		{`transformer_blocks\.([0-9]+)\.attn\.to_out\.0`, "double_blocks.$1.img_attn.proj", -1},
		{`transformer_blocks\.([0-9]+)\.attn\.to_add_out`, "double_blocks.$1.txt_attn.proj", -1},
		{`transformer_blocks\.([0-9]+)\.ff\.net\.0\.proj`, "double_blocks.$1.img_mlp.0", -1},
		{`transformer_blocks\.([0-9]+)\.ff\.net\.2`, "double_blocks.$1.img_mlp.2", -1},
		{`transformer_blocks\.([0-9]+)\.ff_context\.net\.0\.proj`, "double_blocks.$1.txt_mlp.0", -1},
		{`transformer_blocks\.([0-9]+)\.ff_context\.net\.2`, "double_blocks.$1.txt_mlp.2", -1},
		{`transformer_blocks\.([0-9]+)\.norm1\.linear`, "double_blocks.$1.img_mod.lin", -1},
		{`transformer_blocks\.([0-9]+)\.norm1_context\.linear`, "double_blocks.$1.txt_mod.lin", -1},
		{`single_transformer_blocks\.([0-9]+)\.attn\.to_q`, "single_blocks.$1.linear1", 0},
		{`single_transformer_blocks\.([0-9]+)\.attn\.to_k`, "single_blocks.$1.linear1", 1},
		{`single_transformer_blocks\.([0-9]+)\.attn\.to_v`, "single_blocks.$1.linear1", 2},
		{`single_transformer_blocks\.([0-9]+)\.proj_mlp`, "single_blocks.$1.linear1", 3},
		{`single_transformer_blocks\.([0-9]+)\.proj_out`, "single_blocks.$1.linear2", -1},
		{`single_transformer_blocks\.([0-9]+)\.norm\.linear`, "single_blocks.$1.modulation.lin", -1},
		{`x_embedder`, "img_in", -1},
		{`context_embedder`, "txt_in", -1},
		{`time_text_embed\.timestep_embedder\.linear_1`, "time_in.in_layer", -1},
		{`time_text_embed\.timestep_embedder\.linear_2`, "time_in.out_layer", -1},
		{`time_text_embed\.text_embedder\.linear_1`, "vector_in.in_layer", -1},
		{`time_text_embed\.text_embedder\.linear_2`, "vector_in.out_layer", -1},
		{`time_text_embed\.guidance_embedder\.linear_1`, "guidance_in.in_layer", -1},
		{`time_text_embed\.guidance_embedder\.linear_2`, "guidance_in.out_layer", -1},
		{`proj_out`, "final_layer.linear", -1},
		// norm_out.linear has its two halves the other way round there: not here.

		{`transformer_blocks\.([0-9]+)\.attn\.to_q`, "joint_blocks.$1.x_block.attn.qkv", 0},
		{`transformer_blocks\.([0-9]+)\.attn\.to_k`, "joint_blocks.$1.x_block.attn.qkv", 1},
		{`transformer_blocks\.([0-9]+)\.attn\.to_v`, "joint_blocks.$1.x_block.attn.qkv", 2},
		{`transformer_blocks\.([0-9]+)\.attn2\.to_q`, "joint_blocks.$1.x_block.attn2.qkv", 0},
		{`transformer_blocks\.([0-9]+)\.attn2\.to_k`, "joint_blocks.$1.x_block.attn2.qkv", 1},
		{`transformer_blocks\.([0-9]+)\.attn2\.to_v`, "joint_blocks.$1.x_block.attn2.qkv", 2},
		{`transformer_blocks\.([0-9]+)\.attn\.add_q_proj`, "joint_blocks.$1.context_block.attn.qkv", 0},
		{`transformer_blocks\.([0-9]+)\.attn\.add_k_proj`, "joint_blocks.$1.context_block.attn.qkv", 1},
		{`transformer_blocks\.([0-9]+)\.attn\.add_v_proj`, "joint_blocks.$1.context_block.attn.qkv", 2},
		{`transformer_blocks\.([0-9]+)\.(attn2?)\.to_out\.0`, "joint_blocks.$1.x_block.$2.proj", -1},
		{`transformer_blocks\.([0-9]+)\.attn\.to_add_out`, "joint_blocks.$1.context_block.attn.proj", -1},
		{`transformer_blocks\.([0-9]+)\.ff\.net\.0\.proj`, "joint_blocks.$1.x_block.mlp.fc1", -1},
		{`transformer_blocks\.([0-9]+)\.ff\.net\.2`, "joint_blocks.$1.x_block.mlp.fc2", -1},
		{`transformer_blocks\.([0-9]+)\.ff_context\.net\.0\.proj`, "joint_blocks.$1.context_block.mlp.fc1", -1},
		{`transformer_blocks\.([0-9]+)\.ff_context\.net\.2`, "joint_blocks.$1.context_block.mlp.fc2", -1},
		// The norms' halves are the other way round in its last block: not here.

		// The files' own names.
		{`((?:double|single|joint)_blocks\.[0-9]+\..+)`, "$1", -1},
		{`((?:img_in|txt_in|time_in|vector_in|guidance_in|final_layer|x_embedder|context_embedder|t_embedder|y_embedder)(?:\..+)?)`, "$1", -1},
	} {
		list = append(list, rename{regexp.MustCompile("^" + r.diffusers + "$"), r.file, r.part})
	}
	return list
}()

// renamed returns where a module of Flux or Stable Diffusion 3 may be in a model's
// file.
func renamed(name string) (list []target) {
	for _, r := range renames {
		if m := r.diffusers.FindStringSubmatchIndex(name); m != nil {
			t := whole(string(r.diffusers.ExpandString(nil, r.file, name, m)))
			t.part = r.part
			list = append(list, t)
		}
	}
	return list
}
