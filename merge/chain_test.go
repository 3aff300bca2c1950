package merge_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
	"mixmatch/studies/demo"
)

func loose(t testing.TB, models ...*merge.Model) *merge.Pool {
	t.Helper()
	p, err := merge.NewLoosePool(models)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// execute saves a recipe's result step by step, and opens it.
func execute(t testing.TB, p *merge.Pool, text string, o merge.SaveOptions) (*merge.Model, *merge.Saved) {
	t.Helper()
	if o.Compat == "" {
		o.Compat = block.SM2025
	}
	return save(t, p, mixOf(t, p, text, o.Compat), o)
}

func mixOf(t testing.TB, p *merge.Pool, text string, era block.Era) *merge.Mix {
	t.Helper()
	l, err := block.For(p.Kind.Arch, era)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(l, text, recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := merge.NewMix(p, r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tensor returns a tensor as package calc takes it.
func tensor(t testing.TB, m *merge.Model, key string) calc.Tensor {
	t.Helper()
	k, ok := m.Tensor(key)
	if !ok {
		t.Fatalf("%s has no %s", m.Name, key)
	}
	return calc.Tensor{DType: string(k.DType), Shape: k.Shape, Data: values(t, m, key)}
}

// same fails unless key in m is what want says, format and bits.
func same(t *testing.T, m *merge.Model, key string, want calc.Tensor) {
	t.Helper()
	got := tensor(t, m, key)
	if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("%s is %s %v, want %s %v", key, got.DType, got.Shape, want.DType, want.Shape)
	}
	for i, v := range want.Data {
		if math.Float32bits(v) != math.Float32bits(got.Data[i]) {
			t.Fatalf("%s[%d] = %v, want %v", key, i, got.Data[i], v)
		}
	}
}

// The article's recipe gives one file, whether each step's model is saved and
// read again or all steps are done at once.
func TestChainOfFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	for _, era := range []block.Era{block.SM2025, block.SM2023} {
		dir := t.TempDir()
		family, err := demo.Write(t.Context(), dir, demo.Family{Div: 40, Seed: 7, Era: era}, nil)
		if err != nil {
			t.Fatal(err)
		}
		models := map[string]*merge.Model{}
		base := strings.TrimSuffix(filepath.Base(family.Base), ".safetensors")
		models[base] = open(t, base, family.Base)
		all := []*merge.Model{models[base]}
		for _, s := range family.Sources {
			models[s.Name] = open(t, s.Name, s.Path)
			all = append(all, models[s.Name])
		}
		p := loose(t, all...)
		m := mixOf(t, p, family.Recipe, era)
		whole := filepath.Join(dir, "whole.safetensors")
		saved, err := merge.Save(t.Context(), p, m, whole, merge.SaveOptions{Compat: era})
		if err != nil {
			t.Fatal(err)
		}
		// dreamshaper has no VAE; it says so once, not once a step or tensor.
		if n := len(saved.Notes); n == 0 || n > 5 {
			t.Errorf("notes: %q", saved.Notes)
		}
		last := ""
		for i := range m.Recipe.Steps {
			s := m.Recipe.Steps[i]
			one, err := recipe.New(m.Recipe.Layout, []recipe.Step{s})
			if err != nil {
				t.Fatal(err)
			}
			var sources []*merge.Model
			for _, name := range one.Sources() {
				sources = append(sources, models[name])
			}
			p := loose(t, sources...)
			mix, err := merge.NewMix(p, one)
			if err != nil {
				t.Fatal(err)
			}
			last = filepath.Join(dir, fmt.Sprintf("step%d.safetensors", i))
			if _, err := merge.Save(t.Context(), p, mix, last, merge.SaveOptions{Compat: era}); err != nil {
				t.Fatal(err)
			}
			models[s.Out] = open(t, s.Out, last)
		}
		a, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(last)
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("%s: the files differ", era)
		}
		for _, m := range models {
			m.Close() // Windows removes no open files
		}
	}
}

const (
	attention = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
	outConv   = "model.diffusion_model.out.2.weight"
	firstBias = "model.diffusion_model.input_blocks.0.0.bias"
)

// Each calculation mode makes of the tensors what package calc does.
func TestChainCalcs(t *testing.T) {
	a, b, c := sketch{seed: 1}.open(t, "A"), sketch{seed: 2, dtype: "F32"}.open(t, "B"), sketch{seed: 3, dtype: "BF16"}.open(t, "C")
	p := loose(t, a, b, c)
	for _, test := range []struct {
		text string
		step calc.Step
	}{
		{"A x 0.7 + B x 0.3", calc.Step{Mode: calc.WeightSum, Alpha: 0.3}},
		{"A + (B - C) x 0.3", calc.Step{Mode: calc.AddDifference, Alpha: 0.3}},
		{"A x 0.3 + B x 0.3 + C x 0.4", calc.Step{Mode: calc.TripleSum, Alpha: 0.3, Beta: 0.4}},
		{"(A x 0.7 + B x 0.3) x 0.6 + C x 0.4", calc.Step{Mode: calc.SumTwice, Alpha: 0.3, Beta: 0.4}},
		{"A x 0.7 + B x 0.3_cosineA", calc.Step{Calc: calc.CosineA, Alpha: 0.3}},
		{"A x 0.7 + B x 0.3_cosineB", calc.Step{Calc: calc.CosineB, Alpha: 0.3}},
		{"A + (B - C) x 0.3_trainDifference", calc.Step{Mode: calc.AddDifference, Calc: calc.TrainDifference, Alpha: 0.3}},
		{"A + (B - C) x 0.3_smoothAdd", calc.Step{Mode: calc.AddDifference, Calc: calc.SmoothAdd, Alpha: 0.3}},
		{"A + (B - C) x 0.3_smoothAdd MT", calc.Step{Mode: calc.AddDifference, Calc: calc.SmoothAddMT, Alpha: 0.3}},
		{"A + (B - C) x 0.3_extract_beta_0.2\ngamma = 2", calc.Step{Mode: calc.AddDifference, Calc: calc.Extract, Alpha: 0.3, Beta: 0.2, Gamma: 2}},
		{"A x 0.7 + B x 0.3_tensor_beta_0.5", calc.Step{Calc: calc.Slices, Alpha: 0.3, Beta: 0.5}},
		{"A x 0.3 + B x 0.7_tensor2_beta_0.5", calc.Step{Calc: calc.Slices2, Alpha: 0.7, Beta: 0.5}},
		{"A x 0.7 + B x 0.3_self", calc.Step{Calc: calc.Self, Alpha: 0.3}},
	} {
		t.Run(test.text, func(t *testing.T) {
			m := mixOf(t, p, test.text, block.SM2025)
			if (m.Weights == nil) != (test.step.Calc != "") {
				t.Error("weights of a recipe that is not linear, or none of one that is")
			}
			out, saved := execute(t, p, test.text, merge.SaveOptions{})
			if strings.Contains(test.text, "cosine") {
				s, err := calc.NewSimilarities(test.step.Calc)
				if err != nil {
					t.Fatal(err)
				}
				for _, key := range p.Keys() {
					if key == ids { // I64: 1<<32+i and 2<<32+i
						x, y := calc.Tensor{Shape: []int{1, 77}}, calc.Tensor{Shape: []int{1, 77}}
						for i := range 77 {
							x.Data, y.Data = append(x.Data, float32(1<<32+i)), append(y.Data, float32(2<<32+i))
						}
						x.Data, y.Data = x.Data[:77], y.Data[:77]
						if err := s.Add(key, x, y); err != nil {
							t.Fatal(err)
						}
						continue
					}
					if err := s.Add(key, tensor(t, a, key), tensor(t, b, key)); err != nil {
						t.Fatal(err)
					}
				}
				if test.step.Range, err = s.Range(); err != nil {
					t.Fatal(err)
				}
			}
			n := 0
			for _, key := range p.Keys() {
				if _, governed := m.Layout.Of(key); !governed {
					if raw(t, out, key) != raw(t, a, key) {
						t.Errorf("%s is not A's", key)
					}
					continue
				}
				n++
				want, err := test.step.Merge(nil, key, tensor(t, a, key), tensor(t, b, key), tensor(t, c, key))
				if err != nil {
					t.Fatal(err)
				}
				same(t, out, key, want)
			}
			if n != saved.Merged {
				t.Errorf("%d merged, want %d", saved.Merged, n)
			}
			// Also as the middle of a chain, and without Compat.
			if test.step.Calc != "" {
				chain := "A x 0.9 + B x 0.1 = A1\n" + strings.Replace(strings.Replace(test.text, "A ", "A1 ", 1), "\n", " = D\n", 1)
				if !strings.Contains(chain, "= D") {
					chain += " = D"
				}
				o := merge.SaveOptions{}
				one, _ := save(t, p, mixOf(t, p, chain+"\nD x 0.5 + B x 0.5 = E", block.SM2025), o)
				first, _ := execute(t, p, "A x 0.9 + B x 0.1", merge.SaveOptions{})
				first.Name = "A1"
				second, _ := execute(t, loose(t, first, b, c), strings.Split(chain, "= A1\n")[1], merge.SaveOptions{})
				second.Name = "D"
				third, _ := execute(t, loose(t, second, b), "D x 0.5 + B x 0.5 = E", merge.SaveOptions{})
				for _, key := range p.Keys() {
					if raw(t, one, key) != raw(t, third, key) {
						t.Errorf("%s is not what three merges give", key)
					}
				}
			}
		})
	}
}

// Where B and C are equal there is nothing to learn, and the format stays A's.
func TestChainTrainsNothing(t *testing.T) {
	a, b := sketch{seed: 1}.open(t, "A"), sketch{seed: 2}.open(t, "B")
	c := sketch{seed: 2, edit: func(key string, x []float32) {
		if key == attention {
			x[0]++
		}
	}}.open(t, "C")
	out, saved := execute(t, loose(t, a, b, c), "A + (B - C) x 0.3_trainDifference", merge.SaveOptions{})
	if raw(t, out, outConv) != raw(t, a, outConv) {
		t.Error("not A's")
	}
	if got := tensor(t, out, attention).DType; got != "F32" || saved.Merged != 1 {
		t.Errorf("%s, %d merged", got, saved.Merged)
	}
}

// Models with numbers in several formats, and ratios that pass bits through.
func TestChainFormats(t *testing.T) {
	a, b := sketch{seed: 1}.open(t, "A"), sketch{seed: 2, dtype: "F32"}.open(t, "B")
	p := loose(t, a, b)
	for _, test := range []struct {
		ratio string
		like  *merge.Model
	}{{"0", a}, {"1", b}} {
		v := test.ratio
		out, _ := execute(t, p, "A x (1-alpha) + B x alpha = D\nalpha = "+v, merge.SaveOptions{})
		if raw(t, out, attention) != raw(t, test.like, attention) {
			t.Errorf("alpha %s is not %s", v, test.like.Name)
		}
		if raw(t, out, ids) != raw(t, a, ids) {
			t.Error("position ids are not A's")
		}
	}
	// float16 + float32 is float32 in 2023, and A's in 2025.
	for era, want := range map[block.Era]string{block.SM2025: "F16", block.SM2023: "F32"} {
		out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D", merge.SaveOptions{Compat: era})
		step := calc.Step{Era: era, Alpha: 0.5}
		merged, err := step.Merge(nil, attention, tensor(t, a, attention), tensor(t, b, attention), calc.Tensor{})
		if err != nil || merged.DType != want {
			t.Fatal(merged.DType, err)
		}
		same(t, out, attention, merged)
	}
	out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D", merge.SaveOptions{DType: "BF16"})
	if got := tensor(t, out, attention).DType; got != "BF16" {
		t.Error(got)
	}
}

func TestChainOverflow(t *testing.T) {
	a, b := sketch{seed: 1, scale: 30000}.open(t, "A"), sketch{seed: 2, scale: 30000, dtype: "F32"}.open(t, "B")
	p := loose(t, a, b)
	// The difference does not fit float16, though in the end it would.
	text := "A + (B - A) x 1.9 = D\nD x 0.5 + A x 0.5 = E"
	_, err := merge.Save(t.Context(), p, mixOf(t, p, text, block.SM2025), filepath.Join(t.TempDir(), "x"), merge.SaveOptions{Compat: block.SM2025})
	if !errors.Is(err, merge.ErrOverflow) {
		t.Fatal(err)
	}
	out, saved := execute(t, p, text, merge.SaveOptions{AllowInf: true})
	found := 0
	for _, key := range p.Keys() {
		if key == ids {
			continue
		}
		for _, v := range values(t, out, key) {
			if math.IsInf(float64(v), 0) {
				found++
			}
		}
	}
	if found == 0 || saved.Inf != found {
		t.Errorf("%d infinite, %d reported", found, saved.Inf)
	}
}

// Keys that models lack: A's are kept, what only B has is copied, a difference
// never is, and every later step sees the result.
func TestChainMissing(t *testing.T) {
	a := sketch{seed: 1, drop: "first_stage_model"}.open(t, "A")
	b := sketch{seed: 2}.open(t, "B")
	c := sketch{seed: 3, drop: "out.2.weight", keys: map[string]checkpoint.DType{"betas": "F32", "model_ema.x": "F32"}}.open(t, "C")
	p := loose(t, a, b, c)
	out, saved := execute(t, p, "A + (B - C) x 0.5 = D", merge.SaveOptions{})
	if _, ok := out.Tensor(vae); ok {
		t.Error("a difference was copied")
	}
	if raw(t, out, outConv) != raw(t, a, outConv) {
		t.Error("what C lacks is not A's")
	}
	notes := strings.Join(saved.Notes, "\n")
	for _, want := range []string{"step D: C lacks 1 tensors", "a difference is no tensor", "left out 1 EMA"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in %s", want, notes)
		}
	}
	out, _ = execute(t, p, "A x 0.5 + B x 0.5 = D\nD x 0.5 + C x 0.5 = E", merge.SaveOptions{})
	want, err := calc.Step{Alpha: 0.5}.Merge(nil, vae, tensor(t, b, vae), tensor(t, c, vae), calc.Tensor{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out, vae, want)
	if _, ok := out.Tensor("betas"); ok {
		t.Error("a key that is no model's was copied")
	}
	// The VAE of a model, as it is.
	m := mixOf(t, p, "A x 0.5 + B x 0.5 = D\nD x 0.5 + C x 0.5 = E", block.SM2025)
	m.VAE = p.Index("C")
	out, _ = save(t, p, m, merge.SaveOptions{Compat: block.SM2025})
	if raw(t, out, vae) != raw(t, c, vae) {
		t.Error("not C's VAE")
	}
}

func TestChainPositionIDs(t *testing.T) {
	a := sketch{seed: 1, keys: map[string]checkpoint.DType{ids: "F16"}}.open(t, "A")
	b := sketch{seed: 2}.open(t, "B")
	for _, era := range []block.Era{block.SM2025, block.SM2023} {
		out, _ := execute(t, loose(t, a, b), "A x 0.5 + B x 0.5 = D", merge.SaveOptions{Compat: era})
		if raw(t, out, ids) != raw(t, a, ids) {
			t.Error("broken ids were merged")
		}
		out, _ = execute(t, loose(t, b, a), "B x 0.5 + A x 0.5 = D", merge.SaveOptions{Compat: era})
		if raw(t, out, ids) != raw(t, b, ids) {
			t.Error("sound ids were merged with broken ones")
		}
	}
}

// An inpainting model keeps the channels that others do not have.
func TestChainInpainting(t *testing.T) {
	nine := func(key string, shape []int) []int {
		if key == first {
			shape = slices.Clone(shape)
			shape[1] = 9
		}
		return shape
	}
	a, b, c := sketch{seed: 1, shape: nine}.open(t, "A"), sketch{seed: 2}.open(t, "B"), sketch{seed: 3}.open(t, "C")
	i := sketch{seed: 4, shape: nine}.open(t, "I")
	p := loose(t, a, b, c, i)
	for _, text := range []string{"A x 0.5 + B x 0.5", "A + (B - C) x 0.5", "A + (I - C) x 0.5"} {
		out, _ := execute(t, p, text+" = D\nD x 0.5 + B x 0.5 = E", merge.SaveOptions{})
		got, x := tensor(t, out, first), tensor(t, a, first)
		if !slices.Equal(got.Shape, x.Shape) {
			t.Fatalf("%s: %v", text, got.Shape)
		}
		n := len(x.Data) / x.Shape[0] / 9
		for k, v := range got.Data {
			if kept := k/n%9 >= 4; kept != (v == x.Data[k]) {
				t.Fatalf("%s: element %d: %v, A has %v", text, k, v, x.Data[k])
			}
		}
	}
	for _, text := range []string{"B x 0.5 + A x 0.5", "A x 0.5 + B x 0.5_tensor_beta_0.2", "A x 0.5 + B x 0.5_cosineA"} {
		m := mixOf(t, p, text, block.SM2025)
		_, err := merge.Save(t.Context(), p, m, filepath.Join(t.TempDir(), "x"), merge.SaveOptions{Compat: block.SM2025})
		if !errors.Is(err, merge.ErrMismatch) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Keys with ratios of their own, and keys that take no part.
func TestChainElements(t *testing.T) {
	a, b := sketch{seed: 1}.open(t, "A"), sketch{seed: 2}.open(t, "B")
	p := loose(t, a, b)
	out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D\nelemental = IN01:attn1:0.25, OUT11:NOT weight:1, :out.2.weight:0.125", merge.SaveOptions{})
	for key, alpha := range map[string]float64{
		attention: 0.25,
		strings.Replace(attention, "attn1", "attn2", 1):                         0.5,
		strings.Replace(attention, "input_blocks.1.1.", "input_blocks.2.1.", 1): 0.5,
		outConv:                            0.125,
		"model.diffusion_model.out.2.bias": 1,
		vae:                                0.5,
	} {
		want, err := calc.Step{Alpha: alpha}.Merge(nil, key, tensor(t, a, key), tensor(t, b, key), calc.Tensor{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, out, key, want)
	}
	kept := func(text string, keys ...string) {
		t.Helper()
		out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D\n"+text, merge.SaveOptions{})
		for _, key := range []string{attention, outConv, first, firstBias, vae, "cond_stage_model.transformer.text_model.final_layer_norm.weight"} {
			if want := slices.Contains(keys, key); want != (raw(t, out, key) == raw(t, a, key)) {
				t.Errorf("%s: %s kept: %v", text, key, !want)
			}
		}
	}
	kept("exclude = IN01 VAE", attention, vae)
	kept("exclude = Adjust", outConv, first, firstBias)
	kept("exclude = attn1 input_blocks.0", attention, first, firstBias)
	kept("include = BASE IN00-IN01", outConv)
	kept("include = Adjust to_q VAE", "cond_stage_model.transformer.text_model.final_layer_norm.weight")
}

func TestChainRefuses(t *testing.T) {
	a, b, c := sketch{seed: 1}.open(t, "A"), sketch{seed: 2}.open(t, "B"), sketch{seed: 3}.open(t, "C")
	p := loose(t, a, b, c)
	for _, test := range []struct {
		text, want string
		era        block.Era
	}{
		{"A + (B - C) x 0.5_cosineA = D", "compares models A and B", block.SM2025},
		{"A x 0.5 + B x 0.5_self = D", "not known", block.SM2023},
		{"A x -0.5 + B x 1.5_extract_beta_0 = D", "alpha and beta from 0 to 1", block.SM2025},
	} {
		dir := t.TempDir()
		_, err := merge.Save(t.Context(), p, mixOf(t, p, test.text, test.era), filepath.Join(dir, "x"), merge.SaveOptions{Compat: test.era})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "step D") {
			t.Errorf("%s: %v", test.text, err)
		}
		nothing(t, dir)
	}
	if _, err := merge.NewLoosePool([]*merge.Model{a, sketch{arch: block.SDXL}.open(t, "XL")}); !errors.Is(err, merge.ErrMismatch) {
		t.Error(err)
	}
}

// The bytes do not depend on the number of threads.
func TestChainThreads(t *testing.T) {
	a, b := sketch{seed: 1, div: 80}.open(t, "A"), sketch{seed: 2, div: 80}.open(t, "B")
	p := loose(t, a, b)
	text := "A x 0.7 + B x 0.3_cosineB = D\nD x 0.5 + B x 0.5_tensor_beta_0.5 = E\nE + (B - A) x 0.25 = F"
	var first []byte
	for _, n := range []int{1, 2, 7} {
		old := runtime.GOMAXPROCS(n)
		out, _ := execute(t, p, text, merge.SaveOptions{})
		runtime.GOMAXPROCS(old)
		b, err := os.ReadFile(out.File.Path())
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if string(b) != string(first) {
			t.Errorf("%d threads make another file", n)
		}
	}
}
