package exchange

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

var update = flag.Bool("update", false, "rewrite testdata")

// small is a recipe that every format can hold, or the closest to it.
func small(t testing.TB, format string) *recipe.Recipe {
	t.Helper()
	text := "OpenBra + (Evt_V4_e04_ema - v1-5-pruned-emaonly) x 0.08 = TEMP1\n" +
		"TEMP1 x (1-alpha) + \"dreamshaper 6\" x alpha = TEMP2\nalpha = (" + strings.ReplaceAll(vec("0.25", "0.85"), "0.0", "0") + ")\n"
	switch format {
	case "metadata-webui":
		text = "OpenBra x 0.7 + Evt_V4_e04_ema x 0.3 = TEMP1\nTEMP1 + (\"dreamshaper 6\" - v1-5-pruned-emaonly) x -0.1 = TEMP2\n"
	case "metadata-mixer":
	default:
		text += "TEMP2 x 0.7 + OpenBra x 0.2 + Evt_V4_e04_ema x 0.1 = TEMP3\n(TEMP3 x 0.5 + TEMP1 x 0.5) x 0.25 + \"dreamshaper 6\" x 0.75 = TEMP4\n"
	}
	r, err := recipe.Parse(layoutOf(t, block.SD1, block.SM2025), text, recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGolden compares whole documents. Run with -update to rewrite them.
func TestGolden(t *testing.T) {
	for _, f := range Formats() {
		if !f.CanWrite {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			r := small(t, f.Name)
			text, notes, err := Export(r, f.Name, Options{
				Models: digests(r), Date: time.Date(2025, 11, 23, 4, 10, 0, 0, time.UTC), Half: true,
				Keys: []string{
					"model.diffusion_model.time_embed.0.weight", "model.diffusion_model.input_blocks.1.0.in_layers.0.bias",
					"model.diffusion_model.input_blocks.11.0.in_layers.0.bias", "model.diffusion_model.middle_block.1.norm.bias",
					"model.diffusion_model.output_blocks.1.0.in_layers.0.bias", "model.diffusion_model.out.2.weight",
					"first_stage_model.quant_conv.bias", "cond_stage_model.transformer.text_model.final_layer_norm.bias",
					"cond_stage_model.transformer.text_model.embeddings.position_ids",
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range notes {
				if strings.Contains(n, "\n") || n == "" {
					t.Errorf("the note %q is no line", n)
				}
			}
			file := filepath.Join("testdata", f.Name+f.Ext)
			if *update {
				if err := os.WriteFile(file, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != string(want) {
				t.Errorf("%s is not what it was; see -update\n%s", file, text)
			}
		})
	}
}

// TestSteady wants the same bytes for the same recipe.
func TestSteady(t *testing.T) {
	for _, f := range Formats() {
		if !f.CanWrite {
			continue
		}
		r := small(t, f.Name)
		first, _, err := Export(r, f.Name, Options{Models: digests(r)})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			again, _, err := Export(r.Clone(), f.Name, Options{Models: digests(r)})
			if err != nil || string(again) != string(first) {
				t.Fatalf("%s changes", f.Name)
			}
		}
	}
}

// TestCannot wants a refusal, and not a document that says something else.
func TestCannot(t *testing.T) {
	l := layoutOf(t, block.SD1, block.SM2025)
	for _, c := range []struct{ format, text, want string }{
		{"cards", "A x (1-?) + B x ? = C", "open ratio"},
		{"mecha", "A x (1-?) + B x ? = C", "open ratio"},
		{"comfyui", "A + (B - V) x -0.1 = C", "takes 0 to 1"},
		{"comfyui", "A x -0.5 + B x 1.5 = C", "takes 0 to 1"},
		{"comfyui", "A x -0.5 + B x 0.5 + V x 1 = C", "beta 1"},
		{"metadata-webui", "A x 0.2 + B x 0.5 + V x 0.3 = C", "one ratio"},
		{"metadata-mixer", "A x 0.2 + B x 0.5 + V x 0.3 = C", "two modes"},
		{"metadata-mixer", "A x 0.5 + B x 0.5 = C\nD x 0.5 + B x 0.5 = E\nC x 0.5 + E x 0.5 = F", "chain"},
		{"metadata-mixer", "A + (B - V) x 0.5 = C\nC + (B - W) x 0.5 = D", "base model"},
		{"metadata-supermerger", "A x 0.5 + B x 0.5 = C", "sha256"},
		{"mecha", "\"a=b\" x 0.5 + B x 0.5 = C", "file name"},
		{"mergekit", "\"a'\\\"\" x 0.5 + B x 0.5 = C", "file name"},
		{"meh", "A x 0.5 + B x 0.5 = \"a/b\"", "file name"},
		{"mergekit", "A + <lora:D> x 0.5 = C", "the LoRA D"},
		{"mecha", "A + <lora:D> x 0.5 = C", "the LoRA D"},
		{"json", "A + <lora:\"\\xff\"> x 0.5 = C", "UTF-8"},
		{"json", "\"\\xff\" x 0.5 + B x 0.5 = C", "UTF-8"},
	} {
		r, err := recipe.Parse(l, c.text, recipe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Export(r, c.format, Options{}); !errors.Is(err, ErrCannot) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s: %v", c.format, c.text, err)
		}
	}
	xl := layoutOf(t, block.SDXL, block.SM2025)
	sd2 := layoutOf(t, block.SD2, block.SM2025)
	for format, l := range map[string]*block.Layout{"meh": xl, "mecha": sd2} {
		r, err := recipe.Parse(l, "A x 0.5 + B x 0.5 = C", recipe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Export(r, format, Options{}); !errors.Is(err, ErrCannot) {
			t.Errorf("%s of %v: %v", format, l, err)
		}
	}
}

// TestPresetNames wants names that can be typed into SuperMerger's box.
func TestPresetNames(t *testing.T) {
	used := map[string]bool{}
	var all []string
	for _, n := range append(oddNames(), "TEMP1", "temp1", "COSINE", "R", "U", "X", "1", "É") {
		p := presetName(n, used)
		if strings.ContainsAny(p, "E,:\t\n") || p == "" || slices.Contains(all, p) {
			t.Errorf("%q became %q", n, p)
		}
		all = append(all, p)
	}
}

// TestComfy computes a workflow's weights and compares them with the recipe's.
func TestComfy(t *testing.T) {
	r := small(t, "comfyui")
	text, _, err := Export(r, "comfyui", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var nodes map[string]struct {
		Class  string                     `json:"class_type"`
		Inputs map[string]json.RawMessage `json:"inputs"`
	}
	if err := json.Unmarshal(text, &nodes); err != nil {
		t.Fatal(err)
	}
	for id, key := range map[string]string{"OUT11": "out.", "IN00": "input_blocks.0.", "M00": "middle_block.1.", "BASE": ""} {
		var eval func(id string) map[string]float64
		of := func(inputs map[string]json.RawMessage, name string) map[string]float64 {
			var l []any
			if err := json.Unmarshal(inputs[name], &l); err != nil {
				t.Fatal(err)
			}
			return eval(l[0].(string))
		}
		number := func(inputs map[string]json.RawMessage, name string) (v float64) {
			if err := json.Unmarshal(inputs[name], &v); err != nil {
				t.Fatal(name, err)
			}
			return v
		}
		eval = func(id string) map[string]float64 {
			n := nodes[id]
			mix := func(a, b map[string]float64, x, y float64) map[string]float64 {
				w := map[string]float64{}
				for k, v := range a {
					w[k] += x * v
				}
				for k, v := range b {
					w[k] += y * v
				}
				return w
			}
			switch n.Class {
			case "CheckpointLoaderSimple":
				var name string
				_ = json.Unmarshal(n.Inputs["ckpt_name"], &name)
				return map[string]float64{recipe.NameOf(name): 1}
			case "ModelMergeSD1":
				q := number(n.Inputs, key)
				return mix(of(n.Inputs, "model1"), of(n.Inputs, "model2"), q, 1-q)
			case "CLIPMergeSimple":
				q := number(n.Inputs, "ratio")
				return mix(of(n.Inputs, "clip1"), of(n.Inputs, "clip2"), q, 1-q)
			case "ModelMergeSubtract":
				return mix(of(n.Inputs, "model1"), of(n.Inputs, "model2"), 1, -1)
			case "ModelMergeAdd":
				return mix(of(n.Inputs, "model1"), of(n.Inputs, "model2"), 1, 1)
			case "CLIPMergeSubtract":
				return mix(of(n.Inputs, "clip1"), of(n.Inputs, "clip2"), 1, -1)
			case "CLIPMergeAdd":
				return mix(of(n.Inputs, "clip1"), of(n.Inputs, "clip2"), 1, 1)
			}
			t.Fatalf("node %q", n.Class)
			return nil
		}
		var save map[string]json.RawMessage
		for _, n := range nodes {
			if n.Class == "CheckpointSave" {
				save = n.Inputs
			}
		}
		part := "model"
		if key == "" {
			part = "clip"
		}
		got := of(save, part)
		at, _ := r.Layout.Index(id)
		for name, want := range flat(r, at) {
			if d := got[name] - want; d > 1e-12 || d < -1e-12 {
				t.Errorf("%s in %s is %v; want %v", name, id, got[name], want)
			}
		}
	}
}

// TestSchema keeps the schema next to what is written.
func TestSchema(t *testing.T) {
	var s struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(Schema()), &s); err != nil {
		t.Fatal(err)
	}
	text, _, err := Export(small(t, "json"), "json", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for k := range doc {
		if s.Properties[k] == nil {
			t.Errorf("the schema lacks %s", k)
		}
	}
	for k := range doc["steps"].([]any)[0].(map[string]any) {
		if s.Defs["step"].Properties[k] == nil {
			t.Errorf("the schema lacks a step's %s", k)
		}
	}
}
