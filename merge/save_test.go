package merge_test

import (
	"bytes"
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
	"mixmatch/merge/checkpoint"
)

// spacing returns the distance of neighbouring numbers of dtype at v.
func spacing(dtype checkpoint.DType, v float64) float64 {
	digits, least := 10, -14 // F16
	switch dtype {
	case "BF16":
		digits, least = 7, -126
	case "F32":
		digits, least = 23, -126
	}
	_, e := math.Frexp(v) // v = f * 2^e, f in [0.5, 1)
	return math.Ldexp(1, max(e-1, least)-digits)
}

// What is saved is what the recipe's steps give in float64, rounded once.
func TestSaveValues(t *testing.T) {
	a, b, c := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2, DType: "F32"}.Open(t, "B"), sketch{Seed: 3, DType: "BF16"}.Open(t, "C")
	p := pool(t, a, b, c)
	alpha := make([]string, 26)
	for i := range alpha {
		alpha[i] = fmt.Sprintf("%.3f", float64(i*37%100)/50-0.4) // -0.4 to 1.6
	}
	m := mix(t, p, "A x (1-alpha) + B x alpha = T\nalpha = ("+strings.Join(alpha, ",")+")\nT + (C - B) x 0.3 = M")
	for _, dtype := range []checkpoint.DType{"F16", "BF16", "F32", ""} {
		out, saved := save(t, p, m, dtype, merge.SaveOptions{})
		merged := 0
		for _, key := range p.Keys() {
			k, ok := out.Tensor(key)
			if !ok {
				t.Fatalf("no %s", key)
			}
			want := dtype
			switch {
			case strings.HasSuffix(key, "position_ids"):
				want = "I64"
			case dtype == "":
				want = "F16" // as in A
			}
			if k.DType != want {
				t.Errorf("%s is %s, want %s", key, k.DType, want)
			}
			id, governed := m.Layout.Of(key)
			if !governed {
				if dtype == "" && raw(t, out, key) != raw(t, a, key) {
					t.Errorf("%s is not that of A", key)
				}
				continue
			}
			merged++
			var ratio float64
			if _, err := fmt.Sscan(alpha[id], &ratio); err != nil {
				t.Fatal(err)
			}
			x, y, z, got := values(t, a, key), values(t, b, key), values(t, c, key), values(t, out, key)
			for i := range got {
				step := (1-ratio)*float64(x[i]) + ratio*float64(y[i])
				want := step + 0.3*(float64(z[i])-float64(y[i]))
				// A little more than half a spacing, since a float32 comes between.
				if d := math.Abs(float64(got[i]) - want); d > 0.5001*spacing(k.DType, want) {
					t.Fatalf("%s %s[%d] = %v, want %v", dtype, key, i, got[i], want)
				}
			}
		}
		if saved.Merged != merged || saved.Copied != len(p.Keys())-merged || saved.Inf != 0 || len(saved.Notes) != 0 {
			t.Errorf("%+v, want %d merged", saved, merged)
		}
	}
}

// Ratios of 0 and 1 pass bits through, whatever they mean.
func TestSaveBits(t *testing.T) {
	odd := func(_ string, x []float32) {
		for i, v := range []float32{float32(math.NaN()), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 6e-8, 65504} {
			if i < len(x) {
				x[i] = v
			}
		}
	}
	a, b := sketch{Seed: 1, Edit: odd}.Open(t, "A"), sketch{Seed: 2, Edit: odd, DType: "BF16"}.Open(t, "B")
	p := pool(t, a, b)
	for text, want := range map[string]*merge.Model{
		"A x 1 + B x 0 = M":                          a,
		"A x 0 + B x 1 = M":                          b,
		"A + (B - B) x 0.5 = M":                      a,
		"A + (B - A) x 1 = M":                        b,
		"A x 0.5 + B x 0.5 = T\nT x 0 + B x 1 = M":   b,
		"A x 0 + B x 1 = T\nT + (A - B) x 0 = M":     b,
		"A x 1 + B x 0 = T\nT x 0.25 + A x 0.75 = M": a,
	} {
		out, saved := save(t, p, mix(t, p, text), "", merge.SaveOptions{AllowInf: true})
		if saved.Merged != 0 {
			t.Errorf("%q: %d tensors computed", text, saved.Merged)
		}
		for _, key := range p.Keys() {
			from := want
			if strings.HasSuffix(key, "position_ids") {
				from = p.Models[mix(t, p, text).Root]
			}
			if raw(t, out, key) != raw(t, from, key) {
				t.Errorf("%q: %s is not bit for bit that of %s", text, key, from.Name)
				break
			}
		}
	}
}

func TestSaveVAE(t *testing.T) {
	a, b := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B")
	p := pool(t, a, b)
	m := mix(t, p, "A x 0.5 + B x 0.5 = M")
	blended, _ := save(t, p, m, "", merge.SaveOptions{})
	if got := raw(t, blended, vae); got == raw(t, a, vae) || got == raw(t, b, vae) {
		t.Error("the VAE is not blended")
	}
	m.VAE = 1
	copied, saved := save(t, p, m, "", merge.SaveOptions{})
	for _, key := range p.Keys() {
		if block.PartOf(key) == block.VAE && raw(t, copied, key) != raw(t, b, key) {
			t.Fatalf("%s is not that of B", key)
		}
	}
	if raw(t, copied, conv) != raw(t, blended, conv) || saved.Copied < 248 {
		t.Errorf("more than the VAE changed: %+v", saved)
	}
}

// What one model lacks comes from another, or stays as it is, and is reported.
func TestSaveMissing(t *testing.T) {
	a, b := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B")
	bare := sketch{Seed: 3, Drop: "first_stage_model"}.Open(t, "Bare")

	p := pool(t, a, bare)
	out, saved := save(t, p, mix(t, p, "A x 0.5 + Bare x 0.5 = M"), "", merge.SaveOptions{})
	if raw(t, out, vae) != raw(t, a, vae) {
		t.Error("B lacks it: the VAE is not A's")
	}
	if want := []string{"Bare has no VAE: 248 tensors that the recipe merges are kept from A"}; !slices.Equal(saved.Notes, want) {
		t.Errorf("notes %q, want %q", saved.Notes, want)
	}

	out, saved = save(t, p, mix(t, p, "Bare x 0.5 + A x 0.5 = M"), "", merge.SaveOptions{})
	if raw(t, out, vae) != raw(t, a, vae) {
		t.Error("the root lacks it: the VAE is not B's")
	}
	if want := []string{"Bare has no VAE: 248 tensors that the recipe merges are taken from A"}; !slices.Equal(saved.Notes, want) {
		t.Errorf("notes %q, want %q", saved.Notes, want)
	}

	p = pool(t, a, b, bare)
	out, saved = save(t, p, mix(t, p, "Bare + (A - B) x 0.5 = M"), "", merge.SaveOptions{})
	if _, ok := out.Tensor(vae); ok {
		t.Error("a VAE was made of a difference")
	}
	if _, ok := out.Tensor(conv); !ok {
		t.Error("no UNet")
	}
	if want := []string{"Bare has no VAE: 248 tensors that the recipe merges are left out, since the others take part in differences only"}; !slices.Equal(saved.Notes, want) {
		t.Errorf("notes %q, want %q", saved.Notes, want)
	}

	// A part of a part, on either side.
	p = pool(t, a, sketch{Seed: 4, Drop: "encoder.layers.3"}.Open(t, "C"))
	for text, want := range map[string]string{
		"A x 0.5 + C x 0.5 = M": "C lacks 16 tensors of the text encoder that the recipe merges: kept from A",
		"C x 0.5 + A x 0.5 = M": "C lacks 16 tensors of the text encoder that the recipe merges: taken from A",
		"A x 1 + C x 0 = M":     "",
	} {
		_, saved = save(t, p, mix(t, p, text), "", merge.SaveOptions{})
		if got := strings.Join(saved.Notes, "\n"); got != want {
			t.Errorf("%s: notes %q, want %q", text, got, want)
		}
	}

	// A VAE that is copied and not whole.
	p = pool(t, a, sketch{Seed: 4, Drop: "decoder.conv_in"}.Open(t, "C"))
	m := mix(t, p, "A x 0.5 + C x 0.5 = M")
	m.VAE = 1
	_, saved = save(t, p, m, "", merge.SaveOptions{})
	if want := []string{"C lacks 2 tensors of the VAE that the recipe merges: taken from A"}; !slices.Equal(saved.Notes, want) {
		t.Errorf("notes %q, want %q", saved.Notes, want)
	}
}

// Integers, the noise schedule and EMA copies are not merged.
func TestSaveOddTensors(t *testing.T) {
	odd := func() map[string]checkpoint.DType {
		return map[string]checkpoint.DType{
			"alphas_cumprod":                     "F64",
			"model_ema.decay":                    "F32",
			"model_ema.diffusion_modeloutweight": "F16",
			"note":                               "U8",
		}
	}
	a, b := sketch{Seed: 1, Keys: odd()}.Open(t, "A"), sketch{Seed: 2, Keys: odd()}.Open(t, "B")
	p := pool(t, a, b)
	for _, dtype := range []checkpoint.DType{"", "F16", "F32"} {
		out, saved := save(t, p, mix(t, p, "A x 0.5 + B x 0.5 = M"), dtype, merge.SaveOptions{})
		for _, key := range []string{"alphas_cumprod", "note", ids} {
			if raw(t, out, key) != raw(t, a, key) {
				t.Errorf("dtype %q: %s is not bit for bit that of A", dtype, key)
			}
		}
		for _, key := range []string{"model_ema.decay", "model_ema.diffusion_modeloutweight"} {
			if _, ok := out.Tensor(key); ok {
				t.Errorf("%s was kept", key)
			}
		}
		if !strings.Contains(strings.Join(saved.Notes, "\n"), "left out 2 EMA tensors") {
			t.Errorf("notes %q", saved.Notes)
		}
	}

	// A model whose position ids became numbers does not make them numbers.
	a = sketch{Seed: 1}.Open(t, "A")
	floats := sketch{Seed: 4, Keys: map[string]checkpoint.DType{ids: "F32"}}.Open(t, "F")
	p = pool(t, a, floats)
	out, _ := save(t, p, mix(t, p, "A x 0.5 + F x 0.5 = M"), "F16", merge.SaveOptions{})
	if raw(t, out, ids) != raw(t, a, ids) {
		t.Error("position ids were merged")
	}
}

// Old spellings come out as the present ones, whichever model has them.
func TestSaveAliases(t *testing.T) {
	spell := func(key string) string { return strings.Replace(key, "transformer.text_model.", "transformer.", 1) }
	a, b := sketch{Seed: 1}, sketch{Seed: 2}
	oldA, oldB := a, b
	oldA.Name, oldB.Name = spell, spell
	want := pool(t, a.Open(t, "A"), b.Open(t, "B"))
	text := "A x 0.5 + B x 0.5 = M"
	expected, _ := save(t, want, mix(t, want, text), "", merge.SaveOptions{})
	for _, p := range []*merge.Pool{
		pool(t, oldA.Open(t, "A"), b.Open(t, "B")),
		pool(t, a.Open(t, "A"), oldB.Open(t, "B")),
		pool(t, oldA.Open(t, "A"), oldB.Open(t, "B")),
	} {
		out, _ := save(t, p, mix(t, p, text), "", merge.SaveOptions{})
		if out.File.Stamp().Header != expected.File.Stamp().Header || raw(t, out, norm) != raw(t, expected, norm) {
			t.Error("an old name changed the result")
		}
	}
}

// The bytes do not depend on how many work, and metadata are as given.
func TestSaveDeterministic(t *testing.T) {
	p := pool(t, sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2}.Open(t, "B"), sketch{Seed: 3}.Open(t, "C"))
	m := mix(t, p, "A x 0.5 + B x 0.5 = T\nT x 0.3 + C x 0.7 = M")
	meta := map[string]string{"sd_merge_recipe": "{}", "zz": "é\n", "a": ""}
	dir := t.TempDir()
	var want []byte
	for i, procs := range []int{1, 2, 7, 1} {
		before := runtime.GOMAXPROCS(procs)
		path := filepath.Join(dir, fmt.Sprint(i))
		_, err := merge.Save(t.Context(), weighted(t, p, m, ""), path, merge.SaveOptions{Metadata: meta})
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && !bytes.Equal(got, want) {
			t.Fatalf("%d processors make other bytes", procs)
		}
		want = got
	}
	out := open(t, "out", filepath.Join(dir, "0"))
	got := out.File.Metadata()
	for k, v := range meta {
		if got[k] != v {
			t.Errorf("metadata %q = %q, want %q", k, got[k], v)
		}
	}
	if got["format"] != "pt" {
		t.Error("no format in the metadata: some programs refuse such a file")
	}
}
