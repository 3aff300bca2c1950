package block

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// numberedKeys returns keys with each number from 0 to below n in place of #.
func numberedKeys(n int, patterns ...string) []string {
	var keys []string
	for i := range n {
		for _, p := range patterns {
			keys = append(keys, strings.Replace(p, "#", fmt.Sprint(i), 1))
		}
	}
	return keys
}

// header returns a header with the keys, all of some shape.
func header(prefix string, lists ...[]string) Header {
	h := Header{}
	for _, list := range lists {
		for _, key := range list {
			h[prefix+key] = []int{4, 4}
		}
	}
	return h
}

// Some of the keys of networks that have no layout of their own, as they are
// published: AuraFlow, PixArt, Lumina 2 and a language model.
var strangers = map[string][][]string{
	"aura": {
		numberedKeys(4, "double_layers.#.modC.1.weight", "double_layers.#.attn.w1q.weight", "double_layers.#.mlpC.c_fc1.weight"),
		numberedKeys(32, "single_layers.#.modCX.1.weight", "single_layers.#.attn.w1q.weight"),
		{
			"init_x_linear.weight", "init_x_linear.bias", "cond_seq_linear.weight", "t_embedder.mlp.0.weight", "t_embedder.mlp.2.weight",
			"positional_encoding", "register_tokens", "modF.1.weight", "final_linear.weight",
		},
	},
	"pixart": {
		numberedKeys(28, "blocks.#.attn.qkv.weight", "blocks.#.scale_shift_table"),
		{"x_embedder.proj.weight", "t_block.1.weight", "final_layer.linear.weight", "y_embedder.y_proj.fc1.weight", "pos_embed"},
	},
	"lumina": {
		numberedKeys(26, "layers.#.attention.qkv.weight", "layers.#.adaLN_modulation.1.weight"),
		numberedKeys(2, "noise_refiner.#.attention.qkv.weight", "context_refiner.#.attention.qkv.weight"),
		{"cap_embedder.0.weight", "cap_embedder.1.weight", "x_embedder.weight", "norm_final.weight", "final_layer.adaLN_modulation.1.weight"},
	},
	"llm": {
		numberedKeys(32, "model.layers.#.self_attn.q_proj.weight", "model.layers.#.input_layernorm.weight", "model.layers.#.mlp.experts.0.w1.weight"),
		{"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"},
	},
}

func TestAuto(t *testing.T) {
	for _, c := range []struct {
		name   string
		arch   Arch
		groups string
		blocks map[string]string // key -> block
	}{
		{
			"aura", "auto:double_layers*4,single_layers*32+cond_seq_linear,final_linear,init_x_linear,modF,positional_encoding,register_tokens,t_embedder",
			"single_layers double_layers base",
			map[string]string{
				"double_layers.3.attn.w1q.weight": "DOUBLE_LAYERS03", "single_layers.31.modCX.1.weight": "SINGLE_LAYERS31",
				"modF.1.weight": "MODF", "positional_encoding": "POSITIONAL_ENCODING", "t_embedder.mlp.2.weight": "T_EMBEDDER",
			},
		},
		{
			"pixart", "auto:blocks*28+final_layer,pos_embed,t_block,x_embedder,y_embedder",
			"blocks base",
			map[string]string{"blocks.27.scale_shift_table": "BLOCKS27", "y_embedder.y_proj.fc1.weight": "Y_EMBEDDER", "blocks.28.attn.qkv.weight": "-"},
		},
		{
			"lumina", "auto:context_refiner*2,layers*26,noise_refiner*2+cap_embedder,final_layer,norm_final,x_embedder",
			"layers context_refiner noise_refiner base",
			map[string]string{"layers.25.attention.qkv.weight": "LAYERS25", "noise_refiner.1.attention.qkv.weight": "NOISE_REFINER01", "cap_embedder.1.weight": "CAP_EMBEDDER"},
		},
		{
			"llm", "auto:model.layers*32+embed_tokens,lm_head,norm",
			"layers base",
			map[string]string{"model.layers.7.mlp.experts.0.w1.weight": "LAYERS07", "model.embed_tokens.weight": "EMBED_TOKENS", "lm_head.weight": "LM_HEAD"},
		},
	} {
		for _, prefix := range []string{"", unetPrefix} {
			h := header(prefix, strangers[c.name]...)
			if prefix != "" {
				h["model.model_sampling.sigmas"] = []int{1000}
			}
			h["text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight"] = []int{4, 4}
			h["vae.decoder.conv_in.weight"] = []int{4, 4, 3, 3}
			m, err := Detect(h)
			if err != nil || m != (Model{Arch: c.arch}) {
				t.Errorf("%s%s: %v, %v; want %s", prefix, c.name, m, err, c.arch)
				continue
			}
			l := m.Layout()
			if got := strings.Trim(fmt.Sprint(l.Groups()), "[]"); got != c.groups {
				t.Errorf("%s: groups %s; want %s", c.name, got, c.groups)
			}
			for key, want := range c.blocks {
				if got := blockOf(l, prefix+key); got != want {
					t.Errorf("%s: %s is in %s; want %s", c.name, prefix+key, got, want)
				}
			}
			for key := range h {
				id, ok := l.Of(key)
				switch part := l.Part(key); {
				case strings.HasPrefix(key, "vae."):
					if ok || part != VAE {
						t.Errorf("%s: %s: %v of %s", c.name, key, ok, part)
					}
				case strings.HasPrefix(key, "text_encoders."):
					if !ok || l.Name(id) != "BASE" || part != TextEncoder {
						t.Errorf("%s: %s: %s of %s", c.name, key, l.Name(id), part)
					}
				case strings.HasSuffix(key, "sigmas"):
					if ok || part != Other {
						t.Errorf("%s: %s: %v of %s", c.name, key, ok, part)
					}
				case !ok || part != UNet || l.Name(id) == "BASE":
					t.Errorf("%s: %s: %s of %s", c.name, key, l.Name(id), part)
				}
			}
		}
	}
}

// TestAutoOdd tries keys that are hard to name or to count.
func TestAutoOdd(t *testing.T) {
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprintf("part_%c%c.weight", 'a'+i/26, 'a'+i%26))
	}
	for _, c := range []struct {
		name   string
		h      Header
		want   string // the architecture, or a part of the error
		blocks string
	}{
		{"gap", header("", numberedKeys(3, "x.#.a.weight"), []string{"x.4.a.weight"}), "no key of a UNet", ""},
		{"one", header("", []string{"x.0.a.weight"}), "no key of a UNet", ""},
		{"layers of a list", header("", numberedKeys(3, "x.#.weight")), "no key of a UNet", ""},
		{"leading zeros", header("", []string{"x.00.a.weight", "x.01.a.weight"}), "no key of a UNet", ""},
		{"strange words", header("", numberedKeys(2, "x y.#.a.weight")), "no key of a UNet", ""},
		{"too many", header("", numberedKeys(300, "x.#.a.weight")), "301 blocks", ""},
		{"a LoRA", header("", numberedKeys(3, "transformer.x.#.a.lora_A.weight")), "a LoRA", ""},
		{"many beginnings", header("", numberedKeys(2, "x.#.a.weight"), many), "auto:x*2+*", "BASE X00 X01"},
		{"strange beginnings", header("", numberedKeys(2, "x.#.a.weight"), []string{"a,b.weight"}), "auto:x*2+*", "BASE X00 X01"},
		{"same ends", header("", numberedKeys(2, "enc.x.#.a.weight", "dec.x.#.a.weight")), "auto:dec.x*2,enc.x*2", "BASE DEC_X00 DEC_X01 ENC_X00 ENC_X01"},
		{"taken names", header("", numberedKeys(2, "vae2.not.#.a.weight"), []string{"vae2.base.weight"}), "auto:vae2.not*2+base", "BASE BASE_ NOT_00 NOT_01"},
		{"Flux of other blocks", fluxLike(19, 30, true), "auto:double_blocks*19,single_blocks*30+img_in", ""},
		{"Flux without modulation", fluxLike(19, 38, false), "auto:double_blocks*19,single_blocks*38+img_in", ""},
		{"Flux", fluxLike(19, 38, true), "flux", ""},
		{"devices", header("", numberedKeys(2, "con.#.a.weight"), []string{"aux.weight", "com3.weight"}), "auto:con*2+aux,com3", "BASE AUX_ COM3_ CON_00 CON_01"},
		{"three digits", header("", numberedKeys(101, "x.#.a.weight")), "auto:x*101", ""},
	} {
		m, err := Detect(c.h)
		if err != nil {
			if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v; want %s", c.name, err, c.want)
			}
			continue
		}
		l := m.Layout()
		if string(m.Arch) != c.want || c.blocks != "" && strings.Join(l.Names(), " ") != c.blocks {
			t.Errorf("%s: %s, %v; want %s, %s", c.name, m, l.Names(), c.want, c.blocks)
		}
		for key := range c.h {
			if _, ok := l.Of(key); !ok {
				t.Errorf("%s: %s is in no block", c.name, key)
			}
		}
	}
	l := layout(t, "auto:x*101", Whole)
	if l.Name(1) != "X000" || l.Name(101) != "X100" {
		t.Errorf("names %s to %s", l.Name(1), l.Name(101))
	}
}

// fluxLike returns keys of a network like Flux's with so many blocks.
func fluxLike(double, single int, modulated bool) Header {
	h := header(unetPrefix, numberedKeys(double, "double_blocks.#.img_attn.qkv.weight"), numberedKeys(single, "single_blocks.#.linear1.a.weight"))
	h[unetPrefix+"img_in.weight"] = []int{3072, 64}
	if modulated {
		h[unetPrefix+"double_blocks.0.img_mod.lin.weight"] = []int{3072, 64}
	}
	return h
}

func TestAutoNames(t *testing.T) {
	for _, name := range []string{
		"auto", "auto:", "auto:x", "auto:x*", "auto:x*1", "auto:x*02", "auto:x*2,", "auto:x*2+", "auto:*2", "auto:x*300", "auto:x*-2",
		"auto:x*2+a b", "auto:x/y*2", "auto:x*200,y*200", "auto:x*2+" + strings.Repeat("a,", 40) + "a", "auto:x*2+*,a", "sd3-", "sd3-024", "sd3-0", "sd3-300", "sd3-1/x",
	} {
		if l, err := Default(Arch(name)); err == nil {
			t.Errorf("%q is %v", name, l)
		}
	}
}

func FuzzAuto(f *testing.F) {
	for _, lists := range strangers {
		f.Add(strings.Join(slices.Concat(lists...), "\n"))
	}
	f.Add("x.0.a.b\nx.1.a.b\nx.1x.a.b")
	f.Add("x.0.0.a.b\nx.1.0.a.b\n..\n.0.\nx.0\nx")
	f.Add("a.0.b.c\na.1.b.c\na.b.0.c.d\na.b.1.c.d\na.b")
	f.Fuzz(func(t *testing.T, text string) {
		h := Header{}
		for key := range strings.SplitSeq(text, "\n") {
			h[key] = []int{2, 2}
		}
		m, err := Detect(h)
		if err != nil {
			return
		}
		l := m.Layout()
		if l == nil {
			t.Fatalf("%s cannot be read back", m.Arch)
		}
		if strings.ContainsAny(string(m.Arch), "/ ;\n\"") {
			t.Errorf("%q cannot stand in a document", m.Arch)
		}
		for key := range h {
			if id, ok := l.Of(key); ok && int(id) >= l.Len() {
				t.Errorf("%s: %q is in block %d of %d", m.Arch, key, id, l.Len())
			}
		}
		for i, name := range l.Names() {
			if id, ok := l.Index(name); !ok || id != ID(i) {
				t.Errorf("%s: Index(%q) = %d, %v", m.Arch, name, id, ok)
			}
		}
	})
}
