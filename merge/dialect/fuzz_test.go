package dialect

import (
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// FuzzNew shows files of any keys, one a line and an empty line between files. No
// byte of theirs may be lost without being counted, or be shown twice.
func FuzzNew(f *testing.F) {
	some := func(m *memory, every int) string {
		var keys []string
		for i, t := range m.tensors {
			if i%every == 0 || strings.Contains(t.Name, "layers.0.") || strings.Contains(t.Name, "embedding.") || strings.Contains(t.Name, "blocks.0.0.") {
				keys = append(keys, t.Name)
			}
		}
		return strings.Join(keys, "\n")
	}
	const unet, vae, clip = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
	f.Add("")
	f.Add("module.betas\nmodule.model.diffusion_model.output_blocks.0.0.in_layers.2.weight\nbetas")
	f.Add(some(spelled(block.SD1, replace(unet, "unet.", vae, "vae.", clip, "text_encoder.")), 77))
	f.Add(some(spelled(block.SD1, replace(clip+"text_model.", clip)), 99))
	f.Add(some(huggingFace(spelled(block.SDXL, replace(unet, "")), "conditioner.embedders.1.model.", "text_encoder_2."), 111))
	f.Add("conv_in.weight\nup_blocks.0.resnets.0.time_emb_proj.weight\nmid_block.resnets.1.conv1.weight\n\ndecoder.mid_block.resnets.0.conv1.weight\ndecoder.up_blocks.3.upsamplers.0.conv.bias\n\ntext_model.embeddings.token_embedding.weight\ntext_projection.weight")
	f.Add("double_blocks.0.img_attn.qkv.weight\ntext_encoders.clip_l.transformer.text_model.embeddings.token_embedding.weight\ntext_encoders.clip_l.logit_scale")
	shapes := [][]int{{4}, {2, 3}, {2, 2, 1, 1}, {}, {3, 2}, {0}}
	f.Fuzz(func(t *testing.T, text string) {
		var files checkpoint.Files
		total := int64(0)
		for part := range strings.SplitSeq(text, "\n\n") {
			m := &memory{path: string(rune('a' + len(files)))}
			keys := strings.Split(part, "\n")
			slices.Sort(keys)
			for _, k := range slices.Compact(keys) {
				h := fnv.New32()
				h.Write([]byte(k))
				m.add(k, k, shapes[h.Sum32()%uint32(len(shapes))]...)
			}
			for _, k := range m.tensors {
				total += k.Bytes()
			}
			if files = append(files, m); len(files) == 4 {
				break
			}
		}
		m, v, err := build(files)
		if err != nil || v == nil {
			return
		}
		size := map[string]int64{}
		for _, c := range files {
			for _, k := range c.Tensors() {
				size[k.Name] = max(size[k.Name], k.Bytes())
			}
		}
		shown := int64(0)
		for _, k := range v.Tensors() {
			shown += k.Bytes()
		}
		for _, k := range m.dropped {
			shown += size[k]
		}
		for _, two := range m.twice {
			parts := strings.Split(two[1], " + ")
			for _, p := range parts {
				shown += size[p]
			}
		}
		for _, names := range m.passed {
			for _, k := range names {
				shown += size[k]
			}
		}
		if shown != total && !strings.Contains(text, " + ") {
			t.Errorf("%d bytes are shown or counted, of %d", shown, total)
		}
		read(t, v)
		if _, err := checkpoint.New(v); err != nil {
			t.Error(err)
		}
	})
}
