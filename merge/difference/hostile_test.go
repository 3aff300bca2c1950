package difference

import (
	"errors"
	"math"
	"strings"
	"testing"

	"mixmatch/merge/checkpoint"
)

// sound is a LoRA of one module that fits a model of one tensor.
func sound() (lora map[string]numbers, model map[string][]int) {
	return map[string]numbers{
		module1 + ".lora_up.weight":   of([]float32{1, 2}, 2, 1),
		module1 + ".lora_down.weight": of([]float32{3, 4, 5}, 1, 3),
		module1 + ".alpha":            of([]float32{1}),
	}, map[string][]int{key1: {2, 3}}
}

// TestReadRefuses changes a sound file, and the error names what was changed.
func TestReadRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		with map[string]numbers // tensors more, or others; one of no numbers at all is taken away
		say  []string
	}{
		"up without down":  {map[string]numbers{module1 + ".lora_down.weight": {}}, []string{"is incomplete", module1 + ".lora_up.weight"}},
		"down without up":  {map[string]numbers{module1 + ".lora_up.weight": {}}, []string{"is incomplete", module1 + ".lora_down.weight"}},
		"alpha alone":      {map[string]numbers{module1 + ".lora_up.weight": {}, module1 + ".lora_down.weight": {}}, []string{module1, "an alpha and nothing else"}},
		"two kinds in one": {map[string]numbers{module1 + ".diff": of(make([]float32, 6), 2, 3)}, []string{"mixture", module1 + ".diff"}},
		"half a LoHa":      {map[string]numbers{conv1 + ".hada_w1_a": of([]float32{1}, 1, 1), conv1 + ".hada_w1_b": of([]float32{1}, 1, 1)}, []string{conv1, "incomplete"}},
		"half a LoKr":      {map[string]numbers{conv1 + ".lokr_w1": of([]float32{1}, 1, 1)}, []string{conv1, "incomplete"}},
		"LoKr twice over":  {map[string]numbers{conv1 + ".lokr_w1": of([]float32{1}, 1, 1), conv1 + ".lokr_w2": of([]float32{1}, 1, 1), conv1 + ".lokr_w2_a": of([]float32{1}, 1, 1)}, []string{conv1, "mixture"}},

		"ranks that differ":        {map[string]numbers{module1 + ".lora_up.weight": of(make([]float32, 4), 2, 2)}, []string{module1 + ".lora_up.weight", "[2 2]", "[1 3]"}},
		"rank 0":                   {map[string]numbers{module1 + ".lora_up.weight": of([]float32{}, 2, 0)}, []string{module1 + ".lora_up.weight", "empty"}},
		"a scalar for a matrix":    {map[string]numbers{module1 + ".lora_up.weight": of([]float32{1})}, nil},
		"LoHas of different sizes": {map[string]numbers{conv1 + ".hada_w1_a": of([]float32{1}, 1, 1), conv1 + ".hada_w1_b": of([]float32{1}, 1, 1), conv1 + ".hada_w2_a": of([]float32{1}, 1, 1), conv1 + ".hada_w2_b": of([]float32{1, 1}, 1, 2)}, []string{conv1 + ".hada_w1_a", "do not fit"}},
		"a core of other ranks":    {map[string]numbers{module1 + ".lora_mid.weight": of(make([]float32, 2), 1, 2, 1, 1)}, []string{"lora_mid", "lora_down"}},
		"a core of two dimensions": {map[string]numbers{module1 + ".lora_mid.weight": of([]float32{1}, 1, 1)}, []string{"lora_mid"}},
		"a LoKr of four dimensions": {map[string]numbers{
			conv1 + ".lokr_w1": of([]float32{1}, 1, 1, 1, 1), conv1 + ".lokr_w2": of([]float32{1}, 1, 1),
		}, []string{conv1 + ".lokr_w1", "4 dimensions"}},

		"alpha NaN":          {map[string]numbers{module1 + ".alpha": of([]float32{nan})}, []string{module1 + ".alpha", "NaN"}},
		"alpha infinite":     {map[string]numbers{module1 + ".alpha": of([]float32{inf})}, []string{module1 + ".alpha"}},
		"several alphas":     {map[string]numbers{module1 + ".alpha": of([]float32{1, 2}, 2)}, []string{module1 + ".alpha", "one number"}},
		"the same key twice": {map[string]numbers{strings.Replace(module1, "lora_unet_", "lycoris_", 1) + ".lora_up.weight": of([]float32{1, 2}, 2, 1)}, []string{module1, "lycoris_", "same"}},

		"unknown key":           {map[string]numbers{"model.weight": of([]float32{1})}, []string{`"model.weight"`}},
		"unknown module":        {map[string]numbers{"lora_unet_nothing.lora_up.weight": of([]float32{1}, 1, 1)}, []string{"lora_unet_nothing"}},
		"unknown text model":    {map[string]numbers{"lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_up.weight": of([]float32{1}, 1, 1)}, []string{"lora_te3_"}},
		"what a terminal hears": {map[string]numbers{"evil\x1b[2J": of([]float32{1})}, []string{`evil\x1b[2J`}},

		"DoRA":        {map[string]numbers{module1 + ".dora_scale": of([]float32{1})}, []string{module1 + ".dora_scale", "DoRA"}},
		"PEFT's DoRA": {map[string]numbers{"unet.conv_in.lora_magnitude_vector": of([]float32{1})}, []string{"DoRA"}},
		"IA3":         {map[string]numbers{module1 + ".on_input": of([]float32{1})}, []string{"IA3"}},
		"OFT":         {map[string]numbers{module1 + ".oft_blocks": of([]float32{1})}, []string{"OFT"}},
		"OFT, diag":   {map[string]numbers{module1 + ".oft_diag": of([]float32{1})}, []string{"OFT"}},
		"BOFT":        {map[string]numbers{module1 + ".boft_R": of([]float32{1})}, []string{"BOFT"}},
		"GLoRA":       {map[string]numbers{module1 + ".a1.weight": of([]float32{1})}, []string{"GLoRA"}},
		"PEFT's bias": {map[string]numbers{"unet.conv_in.lora_B.default.bias": of([]float32{1})}, []string{"biases of its own"}},
		"scale":       {map[string]numbers{module1 + ".scale": of([]float32{1})}, []string{module1 + ".scale"}},
	} {
		t.Run(name, func(t *testing.T) {
			tensors, _ := sound()
			for key, x := range c.with {
				if x.x == nil {
					delete(tensors, key)
				} else {
					tensors[key] = x
				}
			}
			_, err := Read(file(t, tensors, nil))
			if c.say == nil {
				return // whatever it is, it is no panic
			}
			if !errors.Is(err, checkpoint.ErrFormat) {
				t.Fatalf("read with error %v", err)
			}
			for _, s := range c.say {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v does not say %s", err, s)
				}
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 1000 {
				t.Errorf("no line: %q", err)
			}
		})
	}
	if _, err := Read(file(t, nil, nil)); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("an empty file: %v", err)
	}
}

// TestExpandRefuses has models that the sound file is not for.
func TestExpandRefuses(t *testing.T) {
	const te = "lora_te_text_model_encoder_layers_0_mlp_fc1"
	for name, c := range map[string]struct {
		with  map[string]numbers
		model map[string][]int
		say   string
	}{
		"another shape":        {nil, map[string][]int{key1: {3, 3}}, "does not fit the model's tensor"},
		"as many in a kernel":  {nil, map[string][]int{key1: {2, 1, 3, 1}}, ""},
		"nothing of it":        {nil, map[string][]int{"x": {2, 3}}, "none of the LoRA's 1 modules"},
		"a module is missing":  {map[string]numbers{conv1 + ".diff": of([]float32{1}, 1, 1)}, map[string][]int{key1: {2, 3}}, "lacks 1 of the LoRA's 2 modules in the UNet"},
		"a bias too much":      {map[string]numbers{module1 + ".diff_b": of([]float32{1, 2}, 2)}, map[string][]int{key1: {2, 3}}, "none there"},
		"a bias of other size": {map[string]numbers{module1 + ".diff_b": of([]float32{1, 2}, 2)}, map[string][]int{key1: {2, 3}, strings.TrimSuffix(key1, "weight") + "bias": {3}}, "does not fit"},
		"two names of one": {
			map[string]numbers{"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.diff": of(make([]float32, 6), 2, 3)},
			map[string][]int{key1: {2, 3}},
			"are both a change of it",
		},
		"half a text encoder": {
			map[string]numbers{te + ".diff": of([]float32{1}, 1, 1), strings.Replace(te, "_0_", "_1_", 1) + ".diff": of([]float32{1}, 1, 1)},
			map[string][]int{key1: {2, 3}, "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight": {1, 1}},
			"lacks 1 of the LoRA's 2 modules in the text encoder",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tensors, _ := sound()
			for key, x := range c.with {
				tensors[key] = x
			}
			l, err := Read(file(t, tensors, nil))
			if err != nil {
				t.Fatal(err)
			}
			_, err = l.Expand(shapes(c.model))
			if c.say == "" {
				if err != nil {
					t.Errorf("a matrix is no change of a convolution of as many numbers: %v", err)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%v does not say %s", err, c.say)
			}
		})
	}
}

// TestExpandLeavesOut: a model without a text encoder takes what is left, and a
// note counts the rest.
func TestExpandLeavesOut(t *testing.T) {
	tensors, model := sound()
	tensors["lora_te_text_model_encoder_layers_0_mlp_fc1.diff"] = of([]float32{1}, 1, 1)
	tensors["bundle_emb.name.string_to_param.*"] = of([]float32{1}, 1, 1)
	l, err := Read(file(t, tensors, nil))
	if err != nil {
		t.Fatal(err)
	}
	e, err := l.Expand(shapes(model))
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(e.Info().Notes, "\n")
	if !strings.Contains(notes, "no text encoder") || !strings.Contains(notes, "1 modules there are left out") || !strings.Contains(notes, "1 tensors of embeddings") {
		t.Errorf("notes: %s", notes)
	}
	if len(e.Tensors()) != 1 {
		t.Errorf("tensors %v", e.Tensors())
	}
}

// TestNotFinite: numbers that are not finite, or too large together, are an error
// when they are read.
func TestNotFinite(t *testing.T) {
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(-1)), 3e38} {
		tensors, model := sound()
		tensors[module1+".lora_up.weight"] = of([]float32{v, 1}, 2, 1)
		l, err := Read(file(t, tensors, nil))
		if err != nil {
			t.Fatal(err)
		}
		e, err := l.Expand(shapes(model))
		if err != nil {
			t.Fatal(err)
		}
		f, err := checkpoint.New(e)
		if err != nil {
			t.Fatal(err)
		}
		k := f.Tensors()[0]
		x := make([]float32, k.Len())
		if err := f.Read(x, nil, k, 0); !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), module1) {
			t.Errorf("%v: %v", v, err)
		}
		if err := e.Bake(x, k.Name, 0, checkpoint.F16, 1, Kohya); err == nil {
			t.Errorf("%v is baked", v)
		}
	}
}
