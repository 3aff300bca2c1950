package stepwise_test

import (
	"errors"
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
	"mixmatch/merge/mergetest"
)

// Keys that models lack: A's are kept, what only B has is copied, a difference
// never is, and every later step sees the result.
func TestChainMissing(t *testing.T) {
	a := sketch{Seed: 1, Drop: "first_stage_model"}.Open(t, "A")
	b := sketch{Seed: 2}.Open(t, "B")
	c := sketch{Seed: 3, Drop: "out.2.weight", Keys: map[string]checkpoint.DType{"betas": "F32", "model_ema.x": "F32"}}.Open(t, "C")
	p := loose(t, a, b, c)
	out, saved := execute(t, p, "A + (B - C) x 0.5 = D", options{})
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
	out, _ = execute(t, p, "A x 0.5 + B x 0.5 = D\nD x 0.5 + C x 0.5 = E", options{})
	want, err := calc.Step{Alpha: 0.5}.Merge(nil, vae, tensor(t, b, vae), tensor(t, c, vae), calc.Tensor{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out, vae, want)
	if _, ok := out.Tensor("betas"); ok {
		t.Error("a key that is no model's was copied")
	}
	// The VAE of a model, as it is.
	m := mergetest.Mix(t, p, "A x 0.5 + B x 0.5 = D\nD x 0.5 + C x 0.5 = E", block.SM2025)
	m.VAE = p.Index("C")
	out, _ = save(t, p, m, options{era: block.SM2025})
	if raw(t, out, vae) != raw(t, c, vae) {
		t.Error("not C's VAE")
	}
}

func TestChainPositionIDs(t *testing.T) {
	a := sketch{Seed: 1, Keys: map[string]checkpoint.DType{ids: "F16"}}.Open(t, "A")
	b := sketch{Seed: 2}.Open(t, "B")
	for _, era := range []block.Era{block.SM2025, block.SM2023} {
		out, _ := execute(t, loose(t, a, b), "A x 0.5 + B x 0.5 = D", options{era: era})
		if raw(t, out, ids) != raw(t, a, ids) {
			t.Error("broken ids were merged")
		}
		out, _ = execute(t, loose(t, b, a), "B x 0.5 + A x 0.5 = D", options{era: era})
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
	a, b, c := sketch{Seed: 1, Shape: nine}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"), sketch{Seed: 3}.Open(t, "C")
	i := sketch{Seed: 4, Shape: nine}.Open(t, "I")
	p := loose(t, a, b, c, i)
	for _, text := range []string{"A x 0.5 + B x 0.5", "A + (B - C) x 0.5", "A + (I - C) x 0.5"} {
		out, _ := execute(t, p, text+" = D\nD x 0.5 + B x 0.5 = E", options{})
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
		m := mergetest.Mix(t, p, text, block.SM2025)
		_, err := write(t, p, m, filepath.Join(t.TempDir(), "x"), options{era: block.SM2025})
		if !errors.Is(err, merge.ErrMismatch) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Keys with ratios of their own, and keys that take no part.
func TestChainElements(t *testing.T) {
	a, b := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B")
	p := loose(t, a, b)
	out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D\nelemental = IN01:attn1:0.25, OUT11:NOT weight:1, :out.2.weight:0.125", options{})
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
		out, _ := execute(t, p, "A x 0.5 + B x 0.5 = D\n"+text, options{})
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
	a, b, c := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"), sketch{Seed: 3}.Open(t, "C")
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
		_, err := write(t, p, mergetest.Mix(t, p, test.text, test.era), filepath.Join(dir, "x"), options{era: test.era})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "step D") {
			t.Errorf("%s: %v", test.text, err)
		}
		mergetest.Empty(t, dir)
	}
	if _, err := merge.NewLoosePool([]*merge.Model{a, sketch{Arch: block.SDXL}.Open(t, "XL")}); !errors.Is(err, merge.ErrMismatch) {
		t.Error(err)
	}
}

// The bytes do not depend on the number of threads.
func TestChainThreads(t *testing.T) {
	a, b := sketch{Seed: 1, Div: 80}.Open(t, "A"), sketch{Seed: 2, Div: 80}.Open(t, "B")
	p := loose(t, a, b)
	text := "A x 0.7 + B x 0.3_cosineB = D\nD x 0.5 + B x 0.5_tensor_beta_0.5 = E\nE + (B - A) x 0.25 = F"
	var first []byte
	for _, n := range []int{1, 2, 7} {
		old := runtime.GOMAXPROCS(n)
		out, _ := execute(t, p, text, options{})
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
