package merge_test

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
)

// odd puts an infinity and a NaN into the tensors that contain part.
func odd(part string) func(string, []float32) {
	return func(key string, x []float32) {
		if strings.Contains(key, part) {
			x[0], x[len(x)-1] = float32(math.Inf(1)), float32(math.NaN())
		}
	}
}

// Infinities and NaN in a model are refused, with the model, the tensor and how
// many there are, whether the tensor is merged, copied or brought to another
// format.
func TestSaveNonFinite(t *testing.T) {
	const first = "model.diffusion_model.input_blocks.0.0.weight"
	for _, test := range []struct {
		text  string
		dtype checkpoint.DType // of the models
		as    checkpoint.DType
		part  string
		vae   int
		want  string // "" for none
	}{
		{"A x 0.5 + B x 0.5 = M", "F16", "", conv, -1, "B has 2 infinities or NaN among the 36 values of tensor " + `"` + conv},
		{"A x 0.5 + B x 0.5 = M", "BF16", "F16", first, -1, "B has 2 infinities or NaN"},
		{"A x 0.5 + B x 0.5 = M", "F64", "F32", first, -1, "B has 2 infinities or NaN"},
		{"A x 0.5 + B x 0.5 = M", "F8_E4M3", "F32", first, -1, "B has 2 infinities or NaN"},
		{"B x 0.5 + A x 0.5 = M", "F32", "F16", "alphas_cumprod", -1, "B has 2 infinities or NaN among the 8 values of tensor"},
		{"A x 0 + B x 1 = M", "F16", "", conv, -1, "B has 2 infinities or NaN among the 36"},
		{"A x 0 + B x 1 = M", "F16", "F32", conv, -1, "B has 2 infinities or NaN among the 36"},
		{"A x 1 + B x 0 = M", "F16", "", vae, 1, "B has 2 infinities or NaN"},
		{"A x 1 + B x 0 = M", "F16", "", conv, -1, ""},
		{"A x 0.5 + B x 0.5 = M", "F16", "", "model_ema", -1, ""},
	} {
		keys := func() map[string]checkpoint.DType {
			return map[string]checkpoint.DType{"alphas_cumprod": test.dtype, "model_ema.x": test.dtype}
		}
		a, b := sketch{Seed: 1, DType: test.dtype, Keys: keys()}, sketch{Seed: 2, DType: test.dtype, Keys: keys(), Edit: odd(test.part)}
		p := pool(t, a.Open(t, "A"), b.Open(t, "B"))
		m := mix(t, p, test.text)
		m.VAE = test.vae
		dir := t.TempDir()
		path := filepath.Join(dir, "out.safetensors")
		_, err := merge.Save(t.Context(), weighted(t, p, m, test.as), path, merge.SaveOptions{})
		if test.want == "" {
			if err != nil {
				t.Errorf("%s, %s: %v", test.text, test.part, err)
			}
			continue
		}
		if !errors.Is(err, merge.ErrNonFinite) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %s: %v, want %q", test.text, test.part, err, test.want)
		}
		mergetest.Empty(t, dir)
		saved, err := merge.Save(t.Context(), weighted(t, p, m, test.as), path, merge.SaveOptions{AllowInf: true})
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(saved.Notes, "\n"); saved.Inf != 0 || !strings.Contains(notes, "B has 2 infinities or NaN, in 1 tensors") {
			t.Errorf("%s, %s: %d became infinite, notes %q", test.text, test.part, saved.Inf, notes)
		}
	}
}

// All tensors and all models are counted, in the order of the models.
func TestSaveNonFiniteNotes(t *testing.T) {
	big := func(key string, shape []int) []int {
		if key == vae {
			return []int{600_000} // several chunks
		}
		return shape
	}
	a := sketch{Seed: 1, Shape: big, Edit: odd("out.2.")}.Open(t, "A")
	b := sketch{Seed: 2, Shape: big, Edit: odd(vae)}.Open(t, "B")
	p := pool(t, a, b)
	out, saved := save(t, p, mix(t, p, "A x 0.5 + B x 0.5 = M"), "", merge.SaveOptions{AllowInf: true})
	want := "A has 4 infinities or NaN, in 2 tensors (\"model.diffusion_model.out.2.bias\" is the first): the result has what comes of them\n" +
		"B has 2 infinities or NaN, in 1 tensors (\"" + vae + "\" is the first): the result has what comes of them"
	if got := strings.Join(saved.Notes, "\n"); got != want {
		t.Errorf("notes:\n%s\nwant:\n%s", got, want)
	}
	x := values(t, out, vae)
	if !math.IsInf(float64(x[0]), 1) || x[len(x)-1] == x[len(x)-1] || saved.Inf != 0 {
		t.Errorf("%v and %v, %+v", x[0], x[len(x)-1], saved)
	}
	dir := t.TempDir()
	_, err := merge.Save(t.Context(), weighted(t, p, mix(t, p, "B x 0.5 + A x 0.5 = M"), ""), filepath.Join(dir, "x"), merge.SaveOptions{})
	if want := "B has 2 infinities or NaN among the 600000 values of tensor"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// A tensor that a recipe merges but that is stored in numbers which are not
// computed with is refused, whichever model it is of.
func TestWeightedRefuses(t *testing.T) {
	for _, dtype := range []checkpoint.DType{"U8", "I8", "I32", "I64", "F8_E8M0", "F8_E5M2FNUZ", "BOOL", "C64"} {
		u, a, b := sketch{Seed: 1, DType: dtype}.Open(t, "U"), sketch{Seed: 2}.Open(t, "A"), sketch{Seed: 3}.Open(t, "B")
		p := pool(t, u, a, b)
		for _, text := range []string{"U x 0.7 + A x 0.3 = M", "A x 0.7 + U x 0.3 = M", "A + (U - B) x 0.3 = M", "A + (B - U) x 0.3 = M"} {
			_, err := merge.Weighted(p, mix(t, p, text), "")
			want := "U: tensor \"cond_stage_model.transformer.text_model.embeddings.position_embedding.weight\" is stored as " + string(dtype) + ", which cannot be merged (1130 such tensors)"
			if !errors.Is(err, merge.ErrMismatch) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", text, err, want)
			}
		}
		// Nothing is merged where a weight is 0 or 1.
		for text, like := range map[string]*merge.Model{
			"U x 0 + A x 1 = M": a, "U x 1 + A x 0 = M": u, "A x 0 + U x 1 = M": u,
		} {
			out, _ := save(t, p, mix(t, p, text), "", merge.SaveOptions{})
			if raw(t, out, conv) != raw(t, like, conv) {
				t.Errorf("%s: not %s's", text, like.Name)
			}
		}
		// A root that has no weight gives no format either.
		out, _ := save(t, p, mix(t, p, "U x 0 + A x 1 = M\nM x 0.5 + B x 0.5 = N"), "", merge.SaveOptions{})
		want, _ := save(t, p, mix(t, p, "A x 0.5 + B x 0.5 = N"), "", merge.SaveOptions{})
		if raw(t, out, conv) != raw(t, want, conv) {
			t.Error("a root without weight changes the result")
		}
	}
}
