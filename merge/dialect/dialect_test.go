package dialect

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// spelled returns a small model whose tensors have the names that spell gives
// them, none for "".
func spelled(arch block.Arch, spell func(key string) string) *memory {
	m := &memory{path: string(arch)}
	for _, s := range block.Scaled(arch, 320) {
		if name := spell(s.Name); name != "" {
			m.add(name, s.Name, s.Shape...)
		}
	}
	return m
}

func own(key string) string { return key }

// replace returns a speller of test models that cuts prefixes off and puts others
// there: pairs of them. A key with none of them keeps its name.
func replace(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if rest, ok := strings.CutPrefix(key, pairs[i]); ok {
				return pairs[i+1] + rest
			}
		}
		return key
	}
}

func TestSpellings(t *testing.T) {
	const (
		unet, vae, clip = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer.text_model."
		h               = "cond_stage_model.model."
		l, g            = "conditioner.embedders.0.transformer.text_model.", "conditioner.embedders.1.model."
	)
	for _, tt := range []struct {
		name  string
		arch  block.Arch
		spell func(string) string
		want  string // dialects
	}{
		{"single file", block.SD1, own, ""},
		{"single file", block.SD2, own, ""},
		{"single file", block.SDXL, own, ""},
		{"wrapped", block.SD1, replace("", "module."), `UNet single-file "module.model.diffusion_model."; VAE single-file "module.first_stage_model."; text encoder Hugging Face "module.cond_stage_model.transformer."`},
		{"wrapped", block.SDXL, replace("", "state_dict."), `UNet single-file "state_dict.model.diffusion_model."; VAE single-file "state_dict.first_stage_model."; text encoder Hugging Face "state_dict.conditioner.embedders.0.transformer."; text encoder OpenCLIP "state_dict.conditioner.embedders.1.model."`},
		{"wrapped twice", block.SD1, replace("", "state_dict.module._orig_mod."), "*"},
		{"compiled within", block.SD1, replace(unet, unet+"_orig_mod."), `UNet single-file "model.diffusion_model._orig_mod."`},
		{"model. twice", block.SD1, replace("", "model."), "*"},
		{"model. missing", block.SD1, replace(unet, "diffusion_model."), `UNet single-file "diffusion_model."`},
		{"unet.", block.SDXL, replace(unet, "unet."), `UNet single-file "unet."`},
		{"bare", block.SD1, replace(unet, "", vae, "vae.", clip, "text_encoder.text_model."), `UNet single-file ""; VAE single-file "vae."; text encoder Hugging Face "text_encoder."`},
		{"old names", block.SD1, replace(clip, "cond_stage_model.transformer."), `text encoder Hugging Face without text_model "cond_stage_model.transformer."`},
		{"ComfyUI", block.SD1, replace(clip, "cond_stage_model.clip_l.transformer.text_model."), `text encoder Hugging Face "cond_stage_model.clip_l.transformer."`},
		{"ComfyUI without transformer", block.SD1, replace(clip, "cond_stage_model.clip_l.text_model."), "*"},
		{"ComfyUI's encoders", block.SD1, replace(clip, "text_encoders.clip_l.transformer.text_model."), "*"},
		{"conditioner in SD1", block.SD1, replace(clip, l), "*"},
		{"conditioner in SD2", block.SD2, replace(h, "conditioner.embedders.0.model."), `text encoder OpenCLIP "conditioner.embedders.0.model."`},
		{"ComfyUI", block.SDXL, replace(l, "text_encoders.clip_l.transformer.text_model.", g, "text_encoders.clip_g."), "*"},
		{"SD1's place in SDXL", block.SDXL, replace(l, clip), "*"},
		{"single file", block.Flux, own, ""},
		{"single file", "sd3-24", own, ""},
		{"bare transformer", block.Flux, replace(unet, ""), `UNet single-file ""`},
		{"bare transformer", "sd3-24", replace(unet, ""), `UNet single-file ""`},
		{"diffusion_model.", block.Flux, replace(unet, "diffusion_model.", "vae.", vae), `UNet single-file "diffusion_model."; VAE single-file "first_stage_model."`},
		{"separate encoders", block.Flux, replace("text_encoders.clip_l.transformer.", "text_encoder.", "text_encoders.t5xxl.transformer.", "text_encoder_2."), "*"},
		{"wrapped", "sd3-24", replace("", "module."), "*"},
	} {
		c, err := New(spelled(tt.arch, tt.spell))
		if err != nil {
			t.Errorf("%s of %s: %v", tt.name, tt.arch, err)
			continue
		}
		same(t, tt.name+" of "+string(tt.arch), c, spelled(tt.arch, own))
		if got := dialects(c); got != tt.want && (tt.want != "*" || got == "") {
			t.Errorf("%s of %s: %s", tt.name, tt.arch, got)
		}
		if notes := c.Info().Notes; len(notes) > 0 {
			t.Errorf("%s of %s: %q", tt.name, tt.arch, notes)
		}
	}
}

func dialects(c checkpoint.Container) string {
	var s []string
	for _, d := range c.Info().Dialects {
		s = append(s, fmt.Sprintf("%s %s %q", d.Part, d.Names, d.Prefix))
	}
	return strings.Join(s, "; ")
}

// lines returns the fields of each line of a compressed file in testdata.
func lines(t testing.TB, name string) [][]string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for s := bufio.NewScanner(z); s.Scan(); {
		all = append(all, strings.Fields(s.Text()))
	}
	return all
}

// recorded returns the recorded names of diffusers by key.
func recorded(t testing.TB, arch block.Arch) map[string]string {
	t.Helper()
	names := map[string]string{}
	for _, p := range lines(t, "diffusers.txt.gz") {
		if p[0] == string(arch) {
			names[p[2]] = p[1]
		}
	}
	return names
}

// TestDiffusers compares every name with what was recorded.
func TestDiffusers(t *testing.T) {
	attention := map[string]string{"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}
	for arch, want := range map[block.Arch]int{block.SD1: 1131, block.SDXL: 1680} {
		names := recorded(t, arch)
		if len(names) != want {
			t.Fatalf("%d names are recorded for %s; want %d", len(names), arch, want)
		}
		for _, old := range []bool{false, true} {
			m, plain := &memory{}, &memory{}
			for _, s := range block.Scaled(arch, 320) {
				name, ok := names[s.Name]
				if !ok {
					continue
				}
				plain.add(s.Name, s.Name, s.Shape...)
				shape := s.Shape
				if vae, ok := strings.CutPrefix(name, "vae/"); ok {
					if strings.Contains(vae, "attentions") && len(shape) == 4 {
						shape = shape[:2] // linear layers
					}
					for now, before := range attention {
						if old {
							name = strings.Replace(name, now, before, 1)
						}
					}
				}
				m.add(strings.Replace(name, "/", ".", 1), s.Name, shape...)
			}
			c, err := New(m)
			if err != nil {
				t.Fatal(err)
			}
			same(t, string(arch), c, plain)
			if notes := c.Info().Notes; len(notes) > 0 {
				t.Errorf("%s: %q", arch, notes)
			}
			r := c.(checkpoint.Renamer)
			for i, k := range c.Tensors() {
				if got := r.OwnName(i); !old && got != strings.Replace(names[k.Name], "/", ".", 1) {
					t.Errorf("%s: the own name of %s is %s; want %s", arch, k.Name, got, names[k.Name])
				}
			}
		}
	}
}

// TestLayers reads UNets of other shapes than the recorded ones: one residual
// block a level, as distilled ones have, and SDXL's refiner with its four levels.
func TestLayers(t *testing.T) {
	for name, want := range map[string]string{
		"down_blocks.1.resnets.0.norm1.weight":       "input_blocks.3.0.in_layers.0.weight",
		"down_blocks.1.attentions.0.proj_in.bias":    "input_blocks.3.1.proj_in.bias",
		"down_blocks.0.downsamplers.0.conv.bias":     "input_blocks.2.0.op.bias",
		"up_blocks.1.resnets.1.conv_shortcut.weight": "output_blocks.3.0.skip_connection.weight",
		"up_blocks.1.upsamplers.0.conv.weight":       "output_blocks.3.2.conv.weight",
		"up_blocks.0.upsamplers.0.conv.weight":       "output_blocks.1.1.conv.weight",
		"up_blocks.1.attentions.1.norm.weight":       "output_blocks.3.1.norm.weight",
		"up_blocks.0.resnets.0.time_emb_proj.weight": "output_blocks.0.0.emb_layers.1.weight",
		"mid_block.resnets.1.conv2.weight":           "middle_block.2.out_layers.3.weight",
		"mid_block.gates.0.proj.weight":              "",
	} {
		m := &memory{}
		for _, k := range []string{
			"down_blocks.0.resnets.0.conv1.weight", "up_blocks.0.resnets.0.time_emb_proj.weight", "up_blocks.1.attentions.0.norm.weight",
		} {
			if k != name {
				m.add("unet."+k, k, 2)
			}
		}
		m.add("unet."+name, name, 2)
		c, err := New(m)
		if err != nil {
			t.Fatal(err)
		}
		if want != "" {
			want = unetPrefix + want
		} else {
			want = "unet." + name
		}
		if !slices.ContainsFunc(c.Tensors(), func(k checkpoint.Tensor) bool { return k.Name == want }) {
			t.Errorf("%s is not %s", name, want)
		}
	}
}
