package difference

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
)

func TestModuleNameIsDiffusers(t *testing.T) {
	path := "testdata/diffusers.txt"
	if full := os.Getenv("FULL_MAP"); full != "" {
		path = full
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		key, want, _ := strings.Cut(s.Text(), " ")
		want = "lora_unet_" + strings.ReplaceAll(strings.TrimSuffix(want, ".weight"), ".", "_")
		if got, ok := ModuleName(block.SD1, key, 0); !ok || got != want {
			t.Errorf("%s is %q; want %q", key, got, want)
		}
	}
	if lines < 60 {
		t.Errorf("%d lines", lines)
	}
}

func TestModuleName(t *testing.T) {
	for _, c := range []struct {
		arch block.Arch
		key  string
		part int
		want string
	}{
		{block.SD1, "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", 0, "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"},
		{block.SDXL, "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight", 0, "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"},
		{block.SDXL, "model.diffusion_model.output_blocks.2.2.conv.weight", 0, "lora_unet_output_blocks_2_2_conv"},
		{block.SD1, "cond_stage_model.transformer.text_model.encoder.layers.3.self_attn.q_proj.weight", 0, "lora_te_text_model_encoder_layers_3_self_attn_q_proj"},
		{block.SD2, "cond_stage_model.model.transformer.resblocks.5.mlp.c_fc.weight", 0, "lora_te_text_model_encoder_layers_5_mlp_fc1"},
		{block.SD2, "cond_stage_model.model.transformer.resblocks.5.attn.in_proj_weight", 1, "lora_te_text_model_encoder_layers_5_self_attn_k_proj"},
		{block.SDXL, "conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc2.weight", 0, "lora_te1_text_model_encoder_layers_0_mlp_fc2"},
		{block.SDXL, "conditioner.embedders.1.model.transformer.resblocks.31.attn.in_proj_weight", 2, "lora_te2_text_model_encoder_layers_31_self_attn_v_proj"},
		{block.SDXL, "conditioner.embedders.1.model.transformer.resblocks.31.attn.out_proj.weight", 0, "lora_te2_text_model_encoder_layers_31_self_attn_out_proj"},

		{block.SD1, "model.diffusion_model.input_blocks.1.1.norm.weight", 0, ""},
		{block.SD1, "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.norm1.weight", 0, ""},
		{block.SD1, "model.diffusion_model.input_blocks.1.0.in_layers.0.weight", 0, ""},
		{block.SD1, "model.diffusion_model.input_blocks.1.0.in_layers.2.bias", 0, ""},
		{block.SD1, "model.diffusion_model.out.0.weight", 0, ""},
		{block.SD1, "cond_stage_model.transformer.text_model.encoder.layers.3.layer_norm1.weight", 0, ""},
		{block.SD1, "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", 0, ""},
		{block.SD2, "cond_stage_model.model.transformer.resblocks.5.attn.in_proj_weight", 3, ""},
		{block.SDXL, "conditioner.embedders.1.model.transformer.resblocks.31.ln_1.weight", 0, ""},
		{block.SD1, "first_stage_model.decoder.conv_in.weight", 0, ""},
		{block.SD1, "model.diffusion_model.middle_block.weight", 0, ""},
		{block.SD1, "weight", 0, ""},
		{block.SD1, "", 0, ""},
	} {
		if got, ok := ModuleName(c.arch, c.key, c.part); got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s part %d is %q, %v; want %q", c.arch, c.key, c.part, got, ok, c.want)
		}
	}
	// Names differ, and the file that has them is known for a LoRA.
	for _, arch := range block.Archs() {
		seen := map[string]string{}
		for _, k := range block.Keys(arch) {
			for part := range Parts(k.Name) {
				name, ok := ModuleName(arch, k.Name, part)
				if !ok {
					continue
				}
				if other := seen[name]; other != "" {
					t.Errorf("%s: both %s and %s are %s", arch, k.Name, other, name)
				}
				seen[name] = k.Name
				if len(k.Shape) < 2 {
					t.Errorf("%s: %s has a name, %s", arch, k.Name, name)
				}
			}
		}
		if len(seen) == 0 {
			continue // nobody names its LoRAs' modules in one way
		}
		h := block.Header{}
		for name := range seen {
			h[name+".lora_down.weight"] = nil
		}
		if _, err := block.Detect(h); err == nil || !strings.Contains(err.Error(), "a LoRA") {
			t.Errorf("%s: %v", arch, err)
		}
	}
}

// module returns a change of rank 2 to a 3x3 convolution from 5 to 4 channels,
// and what it adds to element i of the weight.
func module() (Module, func(i int) float64) {
	m := Module{Name: "lora_unet_x", Out: 4, In: []int{5, 3, 3}, S: []float64{2, 0.5}}
	for i := range 4 * 2 {
		m.U = append(m.U, float32(i%5)/8-0.25)
	}
	for i := range 45 * 2 {
		m.V = append(m.V, float32(i%7)/16-0.125)
	}
	return m, func(i int) float64 {
		sum := 0.0
		for k, s := range m.S {
			sum += s * float64(m.U[i/45*2+k]) * float64(m.V[i%45*2+k])
		}
		return sum
	}
}

func read(t *testing.T, f *checkpoint.File, name string) ([]float32, []int) {
	t.Helper()
	k, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no %s", name)
	}
	x := make([]float32, k.Len())
	if err := f.Read(x, nil, k, 0); err != nil {
		t.Fatal(err)
	}
	return x, k.Shape
}

func TestWriteLoRA(t *testing.T) {
	m, want := module()
	for _, dtype := range []checkpoint.DType{"", "F32"} {
		path := filepath.Join(t.TempDir(), "lora.safetensors")
		o := LoRAOptions{Arch: block.SD1, DType: dtype, Output: "lora", Metadata: map[string]string{"mixmatch.target": "T"}}
		if err := WriteLoRA(t.Context(), path, []Module{m}, o); err != nil {
			t.Fatal(err)
		}
		if err := WriteLoRA(t.Context(), path, []Module{m}, o); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over an existing file: %v", err)
		}
		f, err := safetensors.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		up, shape := read(t, f, m.Name+".lora_up.weight")
		if len(shape) != 4 || shape[0] != 4 || shape[1] != 2 || shape[2] != 1 {
			t.Errorf("up is %v", shape)
		}
		down, shape := read(t, f, m.Name+".lora_down.weight")
		if len(shape) != 4 || shape[0] != 2 || shape[1] != 5 || shape[3] != 3 {
			t.Errorf("down is %v", shape)
		}
		alpha, shape := read(t, f, m.Name+".alpha")
		if len(shape) != 0 || alpha[0] != 2 {
			t.Errorf("alpha is %v, %v", shape, alpha)
		}
		for i := range 4 * 45 {
			got := 0.0
			for k := range 2 {
				got += float64(up[i/45*2+k]) * float64(down[k*45+i%45]) * float64(alpha[0]) / 2
			}
			if math.Abs(got-want(i)) > 1e-3 {
				t.Fatalf("element %d is %v; want %v", i, got, want(i))
			}
		}
		meta := f.Metadata()
		if meta["ss_network_dim"] != "2" || meta["ss_network_alpha"] != "2" || meta["ss_network_module"] != "networks.lora" || meta["mixmatch.target"] != "T" || meta["mixmatch.origin"] == "" {
			t.Errorf("metadata %v", meta)
		}
	}
}

func TestWriteLoRAOfLowerRank(t *testing.T) {
	m, _ := module()
	path := filepath.Join(t.TempDir(), "lora.safetensors")
	if err := WriteLoRA(t.Context(), path, []Module{m}, LoRAOptions{Arch: block.SD1, Rank: 1}); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	up, _ := read(t, f, m.Name+".lora_up.weight")
	alpha, _ := read(t, f, m.Name+".alpha")
	if len(up) != 4 || alpha[0] != 1 || math.Abs(float64(up[1])-float64(m.U[2])*math.Sqrt2) > 1e-3 {
		t.Errorf("up %v, alpha %v", up, alpha)
	}
}

func TestWriteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.safetensors")
	fill := func(v float32) func([]float32, int) error {
		return func(dst []float32, _ int) error {
			for i := range dst {
				dst[i] = v
			}
			return nil
		}
	}
	sick := errors.New("sick")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m, _ := module()
	m.S = m.S[:1]
	for name, c := range map[string]struct {
		err  error
		want error
		say  string
	}{
		"overflow":  {Write(t.Context(), path, []Tensor{{Name: "x", DType: "F16", Shape: []int{3}, Read: fill(1e6)}}, Options{}), ErrOverflow, `"x"`},
		"NaN":       {Write(t.Context(), path, []Tensor{{Name: "x", DType: "F32", Shape: []int{3}, Read: fill(float32(math.NaN()))}}, Options{}), ErrOverflow, `"x"`},
		"a reader":  {Write(t.Context(), path, []Tensor{{Name: "x", DType: "F32", Shape: []int{3}, Read: func([]float32, int) error { return sick }}}, Options{}), sick, `"x"`},
		"a dtype":   {Write(t.Context(), path, []Tensor{{Name: "x", DType: "I8", Shape: []int{3}, Read: fill(1)}}, Options{}), nil, "I8"},
		"cancelled": {Write(ctx, path, []Tensor{{Name: "x", DType: "F32", Shape: []int{3}, Read: fill(1)}}, Options{}), context.Canceled, ""},
		"no module": {WriteLoRA(t.Context(), path, nil, LoRAOptions{}), nil, "no module"},
		"misfit":    {WriteLoRA(t.Context(), path, []Module{m}, LoRAOptions{}), nil, "do not fit"},
	} {
		if c.err == nil || c.want != nil && !errors.Is(c.err, c.want) || !strings.Contains(c.err.Error(), c.say) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.safetensors")
	const n = chunk + 100
	tensors := []Tensor{
		{Name: "long", DType: "BF16", Shape: []int{n}, Read: func(dst []float32, at int) error {
			for i := range dst {
				dst[i] = float32((at + i) % 128)
			}
			return nil
		}},
		{Name: "ids", DType: "I64", Shape: []int{2}, Bytes: func(dst []byte, at int64) error {
			for i := range dst {
				dst[i] = byte(at) + byte(i)
			}
			return nil
		}},
	}
	var last, total int64
	if err := Write(t.Context(), path, tensors, Options{Progress: func(d, n int64) { last, total = d, n }}); err != nil {
		t.Fatal(err)
	}
	if last != total || total != 2*n+16 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, _ := read(t, f, "long")
	for i, v := range x {
		if v != float32(i%128) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
	ids, _ := f.Tensor("ids")
	b := make([]byte, 16)
	if err := f.ReadBytes(b, ids, 0); err != nil || b[15] != 15 {
		t.Errorf("ids %v, %v", b, err)
	}
}
