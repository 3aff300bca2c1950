package stepwise_test

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
	"mixmatch/merge/stepwise"
)

// Infinities and NaN in a model are refused, with the model, the tensor and how
// many there are, however many steps they go through.
func TestChainNonFinite(t *testing.T) {
	odd := func(key string, x []float32) {
		if key == outConv || key == vae {
			x[0], x[1], x[2] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
		}
	}
	p := loose(t, sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2, Edit: odd}.Open(t, "B"), sketch{Seed: 3}.Open(t, "C"))
	for _, text := range []string{
		"A x 0.5 + B x 0.5 = D", "A x 0 + B x 1 = D", "A + (C - B) x 0.3 = D\nD x 0.5 + B x 0.5 = E", "A x 0.5 + B x 0.5_self = D",
		"A x 0.5 + B x 0.5_tensor_beta_0.1 = D", "A + (B - C) x 0.5_trainDifference = D",
	} {
		dir := t.TempDir()
		m := mergetest.Mix(t, p, text, block.SM2025)
		_, err := write(t, p, m, filepath.Join(dir, "x"), options{})
		if !errors.Is(err, merge.ErrNonFinite) || !strings.Contains(err.Error(), "B has 3 infinities or NaN among the") || !strings.Contains(err.Error(), vae) && !strings.Contains(err.Error(), outConv) {
			t.Errorf("%s: %v", text, err)
		}
		mergetest.Empty(t, dir)
		_, saved := save(t, p, m, options{inf: true})
		if notes := strings.Join(saved.Notes, "\n"); !strings.Contains(notes, "B has 6 infinities or NaN, in 2 tensors") {
			t.Errorf("%s: notes %q", text, notes)
		}
	}
	if _, saved := save(t, p, mergetest.Mix(t, p, "A x 1 + B x 0 = D", block.SM2025), options{}); len(saved.Notes) > 0 {
		t.Errorf("a model without part in it: notes %q", saved.Notes)
	}
}

// A tensor that a step merges but that is stored in numbers which SuperMerger
// does not compute with is refused.
func TestChainRefusesNumbers(t *testing.T) {
	for dtype, help := range map[checkpoint.DType]string{
		"U8": "give the model in fp16", "I64": "give the model in fp16", "F8_E4M3": "give the model in fp16, or merge in one go",
	} {
		u, a, b := sketch{Seed: 1, DType: dtype}.Open(t, "U"), sketch{Seed: 2}.Open(t, "A"), sketch{Seed: 3}.Open(t, "B")
		p := loose(t, u, a, b)
		for _, text := range []string{"U x 0.7 + A x 0.3 = M", "A x 0.7 + U x 0.3 = M", "A + (U - B) x 0.3 = M", "A + (B - U) x 0.3 = M", "A x 0.5 + B x 0.5 = M\nM x 0.5 + U x 0.5 = N"} {
			_, err := stepwise.Outputs(t.Context(), p, mergetest.Mix(t, p, text, block.SM2025), block.SM2025, "")
			want := "U: tensor \"cond_stage_model.transformer.text_model.embeddings.position_embedding.weight\" is stored as " +
				string(dtype) + ", which SuperMerger does not compute with (1130 such tensors): " + help
			if !errors.Is(err, merge.ErrMismatch) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: %v, want %q", text, err, want)
			}
		}
		for text, like := range map[string]*merge.Model{"U x 1 + A x 0 = M": u, "A x 0 + U x 1 = M": u, "U x 0 + A x 1 = M": a} {
			out, _ := execute(t, p, text, options{})
			if raw(t, out, attention) != raw(t, like, attention) {
				t.Errorf("%s: not %s's", text, like.Name)
			}
		}
	}
}

// Whole parts that models lack are named, step by step.
func TestChainLacking(t *testing.T) {
	a, b := sketch{Seed: 1, Drop: "first_stage_model"}.Open(t, "A"), sketch{Seed: 2, Drop: "cond_stage_model"}.Open(t, "B")
	p := loose(t, a, b, sketch{Seed: 3}.Open(t, "C"))
	for text, want := range map[string][]string{
		"A x 0.5 + B x 0.5 = D": {
			"step D: A has no VAE: 248 tensors that the recipe merges are taken from B",
			"step D: B has no text encoder: 196 tensors that the recipe merges are kept from A",
		},
		"A x 0.5 + B x 0.5 = D\nD x 0.5 + A x 0.5 = E": {
			"step D: A has no VAE: 248 tensors that the recipe merges are taken from B",
			"step D: B has no text encoder: 196 tensors that the recipe merges are kept from A",
			"step E: A has no VAE: 248 tensors that the recipe merges are kept from D",
		},
		"C x 1 + A x 0 = D": nil,
		"A x 0 + C x 1 = D": nil,
	} {
		_, saved := execute(t, p, text, options{})
		if got := strings.Join(saved.Notes, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("%s: notes\n%s\nwant\n%s", text, got, strings.Join(want, "\n"))
		}
	}
}
