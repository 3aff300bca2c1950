package difference

import (
	"fmt"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
)

// FuzzName: a name is a module's or not, without a panic; a flat one with its dots
// back is the same name, and where it may be are names that a model can have.
func FuzzName(f *testing.F) {
	for _, s := range suffixes {
		f.Add(module1 + s.end)
	}
	for _, s := range refused {
		f.Add("unet.mid_block.attentions.0.proj_in" + s.end)
	}
	for _, p := range prefixes {
		f.Add(p.begin + "conv_in.alpha")
		f.Add(p.begin + "text_model.encoder.layers.0.self_attn.q_proj.lora_A.default.weight")
	}
	for _, w := range words {
		f.Add("lora_unet_" + w + "_0_" + w)
	}
	f.Add("base_model.model.transformer_blocks.0.attn1.processor.to_out_lora.down.weight")
	f.Fuzz(func(t *testing.T, key string) {
		module, _, _, ok := splitKey(key)
		if !ok {
			return
		}
		if module == "" || !strings.HasPrefix(key, module) {
			t.Fatalf("module %q of %q", module, key)
		}
		p, ok := pathOf(module)
		if !ok {
			return
		}
		flat := strings.ReplaceAll(p.name, ".", "_")
		if strings.HasPrefix(module, "lora_unet_") && !strings.HasSuffix(module, flat) {
			t.Fatalf("%q became %q", module, p.name)
		}
		for _, at := range targets(p) {
			if at.weight == "" || at.part < -1 || at.part > 3 || strings.Contains(at.weight, "$") && !strings.Contains(key, "$") {
				t.Fatalf("%q may be %v", p.name, at)
			}
		}
	})
}

// FuzzRead reads files whose tensors are lines of a text, "name 2 3" or, of the
// model, "=name 2 3", and expands what it accepts.
func FuzzRead(f *testing.F) {
	lora := func(ends ...string) string {
		var b strings.Builder
		for _, e := range ends {
			fmt.Fprintf(&b, "%s%s\n", module1, e)
		}
		return b.String() + "=" + key1 + " 2 3\n"
	}
	f.Add(lora(".lora_up.weight 2 1", ".lora_down.weight 1 3", ".alpha"))
	f.Add(lora(".lora_up.weight 2 1 1 1", ".lora_mid.weight 1 1 3 1", ".lora_down.weight 1 1 1 1"))
	f.Add(lora(".hada_w1_a 2 1", ".hada_w1_b 1 3", ".hada_w2_a 2 1", ".hada_w2_b 1 3"))
	f.Add(lora(".hada_w1_a 1 2", ".hada_t1 1 1 3 1", ".hada_w1_b 1 1", ".hada_w2_a 2 1", ".hada_w2_b 1 3"))
	f.Add(lora(".lokr_w1 2 1", ".lokr_w2_a 1 1", ".lokr_t2 1 1 3 1", ".lokr_w2_b 1 1"))
	f.Add(lora(".lokr_w1_a 2 1", ".lokr_w1_b 1 1", ".lokr_w2 1 3"))
	f.Add(lora(".diff 2 3", ".diff_b 2") + "=" + strings.TrimSuffix(key1, "weight") + "bias 2\n")
	f.Add("lora_te2_text_model_encoder_layers_0_self_attn_k_proj.diff 2 2\n=conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight 6 2\n")
	f.Add("transformer.single_transformer_blocks.0.proj_mlp.lora_A.weight 1 2\ntransformer.single_transformer_blocks.0.proj_mlp.lora_B.weight 3 1\n=single_blocks.0.linear1.weight 9 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		tensors, model := map[string]numbers{}, map[string][]int{}
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			if len(words) == 0 || len(words) > 6 {
				continue
			}
			n, shape := 1, []int{}
			for _, w := range words[1:] {
				d := 0
				if _, err := fmt.Sscanf(w, "%d", &d); err != nil || d < 0 || d > 64 {
					return
				}
				n *= d
				shape = append(shape, d)
			}
			if n > 1<<12 {
				return
			}
			if key, of := strings.CutPrefix(words[0], "="); of {
				model[key] = shape
				continue
			}
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(i%7) - 3
			}
			tensors[words[0]] = numbers{shape, x}
		}
		l, err := Read(file(t, tensors, nil))
		if err != nil {
			return
		}
		l.Describe()
		e, err := l.Expand(shapes(model))
		if err != nil {
			return
		}
		for i, k := range e.Tensors() {
			if fmt.Sprint(k.Shape) != fmt.Sprint(model[k.Name]) {
				t.Fatalf("%s is of shape %v, not %v", k.Name, k.Shape, model[k.Name])
			}
			if err := e.ReadBytes(make([]byte, k.Bytes()), i, 0); err != nil {
				t.Fatal(err)
			}
			for _, way := range Ways() {
				if err := e.Bake(make([]float32, k.Len()), k.Name, 0, checkpoint.BF16, 0.5, way); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
