package dialect

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// huggingFace turns an encoder of OpenCLIP behind prefix into the one that
// transformers saves, behind another: query, key and value are three matrices, and
// the projection is the other way round. What transformers has not is left out.
func huggingFace(m *memory, prefix, to string) *memory {
	out := &memory{path: m.path}
	for i, t := range m.tensors {
		rest, ok := strings.CutPrefix(t.Name, prefix)
		if !ok {
			out.put(t.Name, m.data[i], t.Shape...)
			continue
		}
		p := split(rest)
		name := map[string]string{
			"token_embedding.weight": "text_model.embeddings.token_embedding.weight",
			"positional_embedding":   "text_model.embeddings.position_embedding.weight",
			"ln_final.weight":        "text_model.final_layer_norm.weight",
			"ln_final.bias":          "text_model.final_layer_norm.bias",
			"text_projection":        "text_projection.weight",
			"logit_scale":            "logit_scale",
		}[rest]
		data, shape := m.data[i], t.Shape
		if rest == "text_projection" {
			shape = []int{shape[1], shape[0]}
			data = make([]byte, len(data))
			for r := range t.Shape[0] {
				for c := range t.Shape[1] {
					copy(data[2*(c*t.Shape[0]+r):][:2], m.data[i][2*(r*t.Shape[1]+c):])
				}
			}
		}
		if name == "" {
			layer := to + "text_model.encoder.layers." + p[2]
			inner := strings.Join(p[3:], ".")
			if leaf, ok := strings.CutPrefix(inner, "attn.in_proj_"); ok {
				third := len(data) / 3
				for k, q := range []string{"q", "k", "v"} {
					cut := append([]int{shape[0] / 3}, shape[1:]...)
					out.put(fmt.Sprintf("%s.self_attn.%s_proj.%s", layer, q, leaf), data[k*third:][:third], cut...)
				}
				continue
			}
			for _, pair := range [][2]string{{"ln_1", "layer_norm1"}, {"ln_2", "layer_norm2"}, {"mlp.c_fc", "mlp.fc1"}, {"mlp.c_proj", "mlp.fc2"}, {"attn.out_proj", "self_attn.out_proj"}} {
				if leaf, ok := strings.CutPrefix(inner, pair[0]); ok {
					name = pair[1] + leaf
				}
			}
			out.put(layer+"."+name, data, shape...)
			continue
		}
		out.put(to+name, data, shape...)
	}
	return out
}

func TestHuggingFace(t *testing.T) {
	const g, h = "conditioner.embedders.1.model.", "cond_stage_model.model."
	for _, tt := range []struct {
		arch     block.Arch
		from, to string
	}{
		{block.SDXL, g, "text_encoder_2."},
		{block.SDXL, g, "text_encoders.clip_g.transformer."},
		{block.SDXL, g, "conditioner.embedders.1.transformer."},
		{block.SD2, h, "text_encoder."},
		{block.Refiner, "conditioner.embedders.0.model.", "text_encoder_2."},
		{block.SD2, h, "cond_stage_model.clip_h.transformer."},
	} {
		plain := spelled(tt.arch, own)
		c, err := New(huggingFace(plain, tt.from, tt.to))
		if err != nil {
			t.Fatal(err)
		}
		same(t, tt.to, c, plain)
		if got, want := dialects(c), fmt.Sprintf("text encoder Hugging Face %q", tt.to); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

// TestAlone reads text encoders and VAEs without a UNet.
func TestAlone(t *testing.T) {
	const l, g = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
	xl := spelled(block.SDXL, func(key string) string {
		if strings.HasPrefix(key, "conditioner.") {
			return key
		}
		return ""
	})
	with := func(m *memory, prefix string) *memory {
		out := &memory{}
		for i, t := range m.tensors {
			if strings.HasPrefix(t.Name, prefix) {
				out.put(t.Name, m.data[i], t.Shape...)
			}
		}
		return out
	}
	move := func(m *memory, from, to string) *memory {
		out := &memory{}
		for i, t := range m.tensors {
			out.put(replace(from, to)(t.Name), m.data[i], t.Shape...)
		}
		return out
	}
	vae := with(spelled(block.SD1, own), vaePrefix)
	for _, tt := range []struct {
		name       string
		file, want *memory
	}{
		{"both of SDXL", xl, xl},
		{"both of SDXL in transformers' names", huggingFace(move(xl, l, "text_encoder."), g, "text_encoder_2."), xl},
		{"CLIP-L by its prefix", with(xl, l), with(xl, l)},
		{"CLIP-L bare", move(with(xl, l), l, ""), move(with(xl, l), l, "cond_stage_model.transformer.")},
		{"CLIP-G bare", huggingFace(with(xl, g), g, ""), with(xl, g)},
		{"OpenCLIP bare", move(with(xl, g), g, ""), with(xl, g)},
		{"VAE bare", move(vae, vaePrefix, ""), vae},
		{"VAE of ComfyUI", move(vae, vaePrefix, "vae."), move(vae, vaePrefix, "vae.")},
	} {
		c, err := New(tt.file)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		same(t, tt.name, c, tt.want)
	}
}

func TestOddTensors(t *testing.T) {
	const g = "conditioner.embedders.1.model."
	plain := spelled(block.SDXL, own)
	layer := "text_encoder_2.text_model.encoder.layers.3.self_attn."
	edit := func(change func(m *memory)) *memory {
		m := huggingFace(plain, g, "text_encoder_2.")
		change(m)
		return m
	}
	at := func(m *memory, name string) int {
		for i, t := range m.tensors {
			if t.Name == name {
				return i
			}
		}
		t.Fatalf("no %s", name)
		return 0
	}
	twin := func(m *memory, own, name string, change byte) {
		i := at(m, own)
		data := append([]byte{}, m.data[i]...)
		data[len(data)-1] ^= change
		m.put(name, data, m.tensors[i].Shape...)
	}
	for _, tt := range []struct {
		name string
		file *memory
		want string // a part of the error, or of the notes
		err  error
		kept string // a tensor that must be there
	}{
		{"a piece missing", edit(func(m *memory) { m.tensors[at(m, layer+"k_proj.weight")].Name = "gone" }), "2 tensors such as \"" + layer, nil, layer + "q_proj.weight"},
		{"pieces of two widths", edit(func(m *memory) {
			i := at(m, layer+"k_proj.weight")
			m.tensors[i].Shape = []int{m.tensors[i].Shape[0] * m.tensors[i].Shape[1]}
		}), "do not fit together", checkpoint.ErrFormat, ""},
		{"pieces of two formats", edit(func(m *memory) { m.tensors[at(m, layer+"v_proj.bias")].DType = "BF16" }), "do not fit together", checkpoint.ErrFormat, ""},
		{"position ids", edit(func(m *memory) { m.add("text_encoder_2.text_model.embeddings.position_ids", "", 1, 77) }), "left out", nil, g + "positional_embedding"},
		{"another module", edit(func(m *memory) { m.add("text_encoder_2.text_model.adapter.weight", "", 3) }), "so the name stays", nil, "text_encoder_2.text_model.adapter.weight"},
		{"a projection of one dimension", edit(func(m *memory) { m.tensors[at(m, "text_encoder_2.text_projection.weight")].Shape = []int{16} }), "so the name stays", nil, "text_encoder_2.text_projection.weight"},
		{"twice, the same", edit(func(m *memory) { twin(m, layer+"out_proj.bias", g+"transformer.resblocks.3.attn.out_proj.bias", 0) }), "under two names with the same numbers", nil, g + "transformer.resblocks.3.attn.out_proj.bias"},
		{"twice, another", edit(func(m *memory) { twin(m, layer+"out_proj.bias", g+"transformer.resblocks.3.attn.out_proj.bias", 1) }), g + "transformer.resblocks.3.attn.out_proj.bias", ErrTwice, ""},
		{"a piece twice, another", edit(func(m *memory) {
			twin(m, layer+"k_proj.bias", "text_encoders.clip_g.text_model.encoder.layers.3.self_attn.k_proj.bias", 1)
			m.add("text_encoders.clip_g.text_model.embeddings.token_embedding.weight", "x", 1)
		}), "differ", ErrTwice, ""},
	} {
		// What was OpenCLIP's root is there only where a tensor has its names.
		c, err := New(tt.file)
		if tt.err != nil {
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if notes := strings.Join(c.Info().Notes, "; "); !strings.Contains(notes, tt.want) {
			t.Errorf("%s: %s", tt.name, notes)
		}
		found := false
		for _, k := range c.Tensors() {
			found = found || k.Name == tt.kept
		}
		if !found {
			t.Errorf("%s: no %s", tt.name, tt.kept)
		}
	}
}

// TestTransposed reads every kind of range of a matrix that is larger than a band.
func TestTransposed(t *testing.T) {
	const rows, columns = 300, 701
	m := &memory{}
	m.add("x", "x", rows, columns)
	want := make([]byte, len(m.data[0]))
	for r := range rows {
		for c := range columns {
			copy(want[2*(c*rows+r):][:2], m.data[0][2*(r*columns+c):])
		}
	}
	x := transposed{whole{m, 0}, rows, columns, 2}
	for _, at := range []int{0, 1, 2, 599, 600, 601, 12345, len(want) - 1, len(want)} {
		for _, n := range []int{0, 1, 2, 3, 600, 777, 65536, len(want)} {
			n = min(n, len(want)-at)
			got := make([]byte, n)
			if err := x.read(got, int64(at)); err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want[at:at+n]) {
				t.Errorf("%d bytes from %d on are wrong", n, at)
			}
		}
	}
}
