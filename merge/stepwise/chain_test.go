package stepwise_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/mergetest"
	"mixmatch/merge/recipe"
	"mixmatch/studies/demo"
)

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
		m := mergetest.Mix(t, p, family.Recipe, era)
		whole := filepath.Join(dir, "whole.safetensors")
		saved, err := write(t, p, m, whole, options{era: era})
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
			if _, err := write(t, p, mix, last, options{era: era}); err != nil {
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

// Each calculation mode makes of the tensors what package calc does.
func TestChainCalcs(t *testing.T) {
	a, b, c := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2, DType: "F32"}.Open(t, "B"), sketch{Seed: 3, DType: "BF16"}.Open(t, "C")
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
			m := mergetest.Mix(t, p, test.text, block.SM2025)
			if (m.Weights == nil) != (test.step.Calc != "") {
				t.Error("weights of a recipe that is not linear, or none of one that is")
			}
			out, saved := execute(t, p, test.text, options{})
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
				o := options{}
				one, _ := save(t, p, mergetest.Mix(t, p, chain+"\nD x 0.5 + B x 0.5 = E", block.SM2025), o)
				first, _ := execute(t, p, "A x 0.9 + B x 0.1", options{})
				first.Name = "A1"
				second, _ := execute(t, loose(t, first, b, c), strings.Split(chain, "= A1\n")[1], options{})
				second.Name = "D"
				third, _ := execute(t, loose(t, second, b), "D x 0.5 + B x 0.5 = E", options{})
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
	a, b := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B")
	c := sketch{Seed: 2, Edit: func(key string, x []float32) {
		if key == attention {
			x[0]++
		}
	}}.Open(t, "C")
	out, saved := execute(t, loose(t, a, b, c), "A + (B - C) x 0.3_trainDifference", options{})
	if raw(t, out, outConv) != raw(t, a, outConv) {
		t.Error("not A's")
	}
	if got := tensor(t, out, attention).DType; got != "F32" || saved.Merged != 1 {
		t.Errorf("%s, %d merged", got, saved.Merged)
	}
}

// Models with numbers in several formats, and ratios that pass bits through.
func TestChainFormats(t *testing.T) {
	a, b := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2, DType: "F32"}.Open(t, "B")
	p := loose(t, a, b)
	for _, test := range []struct {
		ratio string
		like  *merge.Model
	}{{"0", a}, {"1", b}} {
		v := test.ratio
		out, _ := execute(t, p, "A x (1-alpha) + B x alpha = D\nalpha = "+v, options{})
		if raw(t, out, attention) != raw(t, test.like, attention) {
			t.Errorf("alpha %s is not %s", v, test.like.Name)
		}
		if raw(t, out, ids) != raw(t, a, ids) {
			t.Error("position ids are not A's")
		}
	}
	// float16 + float32 is float32 in 2023, and A's in 2025.
	for era, want := range map[block.Era]string{block.SM2025: "F16", block.SM2023: "F32"} {
		out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D", options{era: era})
		step := calc.Step{Era: era, Alpha: 0.5}
		merged, err := step.Merge(nil, attention, tensor(t, a, attention), tensor(t, b, attention), calc.Tensor{})
		if err != nil || merged.DType != want {
			t.Fatal(merged.DType, err)
		}
		same(t, out, attention, merged)
	}
	out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D", options{dtype: "BF16"})
	if got := tensor(t, out, attention).DType; got != "BF16" {
		t.Error(got)
	}
}

func TestChainOverflow(t *testing.T) {
	a, b := sketch{Seed: 1, Scale: 30000}.Open(t, "A"), sketch{Seed: 2, Scale: 30000, DType: "F32"}.Open(t, "B")
	p := loose(t, a, b)
	// The difference does not fit float16, though in the end it would.
	text := "A + (B - A) x 1.9 = D\nD x 0.5 + A x 0.5 = E"
	_, err := write(t, p, mergetest.Mix(t, p, text, block.SM2025), filepath.Join(t.TempDir(), "x"), options{era: block.SM2025})
	if !errors.Is(err, merge.ErrOverflow) {
		t.Fatal(err)
	}
	out, saved := execute(t, p, text, options{inf: true})
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
