package stepwise_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/mergetest"
	"mixmatch/merge/recipe"
	"mixmatch/merge/stepwise"
)

// A rehearsal gives what is saved with the same ratios, whatever its cache
// holds, and however often and in whatever order ratios are tried.
func TestRehearsal(t *testing.T) {
	a, b, c := sketch{Seed: 1}.Open(t, "A"), sketch{Seed: 2, DType: "F32"}.Open(t, "B"), sketch{Seed: 3}.Open(t, "C")
	p := loose(t, a, b, c)
	text := func(x, y string) string {
		return "A x 0.7 + B x 0.3_cosineB = D\nD + (B - C) x " + x + "_trainDifference = E\nE x (1-alpha) + C x alpha = F\nalpha = " + y +
			"\nelemental = :attn1:0.5\nA x 0.5 + F x 0.5_tensor_beta_0.1 = G\nG x 0.5 + E x 0.5 = H"
	}
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	holed, err := recipe.Parse(l, text("?", "?"), recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := holed.Layout.Index("IN01")
	var keys []string
	for _, key := range p.Keys() {
		if of, ok := holed.Layout.Of(key); ok && of == id {
			keys = append(keys, key)
		}
	}
	want := map[[2]string]*merge.Model{}
	points := [][2]string{{"0.25", "0.5"}, {"0.25", "0"}, {"-0.5", "1"}, {"0.25", "0.5"}, {"0.25", "0"}}
	for _, x := range points {
		if want[x] == nil {
			want[x], _ = execute(t, p, text(x[0], x[1]), options{})
		}
	}
	for _, limit := range []int64{0, 5000, 1 << 30} {
		h, err := stepwise.NewRehearsal(t.Context(), p, holed, block.SM2025, limit)
		if err != nil {
			t.Fatal(err)
		}
		r := h.Block(id, keys)
		for range 30 { // longer than a cache remembers
			for _, x := range points {
				column := mergetest.Mix(t, p, text(x[0], x[1]), block.SM2025).Recipe.Column(id)
				seen := 0
				err := r.Merge(t.Context(), column, func(key string, got calc.Tensor) error {
					seen++
					w := tensor(t, want[x], key)
					if got.DType != w.DType || !slices.Equal(got.Shape, w.Shape) || !slices.Equal(got.Data, w.Data) {
						t.Fatalf("limit %d: %s at %v is not what is saved", limit, key, x)
					}
					return nil
				})
				if err != nil || seen != len(keys) {
					t.Fatal(seen, err)
				}
			}
		}
	}
}

func TestRehearsalRefuses(t *testing.T) {
	for _, test := range []struct {
		text, want string
		era        block.Era
	}{
		{"A x (1-?) + B x ? = T\nA x 0.5 + T x 0.5_cosineA = D", "step D: cosineA compares all blocks of T, which has ratios to find", block.SM2025},
		{"A + (B - C) x ?_extract_beta_0 = D", "from 0 to 1", block.SM2025},
		{"A + (B - C) x ?_smoothAdd = D", "not known", block.SM2023},
	} {
		l, err := block.For(block.SD1, test.era)
		if err != nil {
			t.Fatal(err)
		}
		r, err := recipe.Parse(l, test.text, recipe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := stepwise.Rehearsable(r, test.era); !errors.Is(err, stepwise.ErrRecipe) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.text, err)
		}
	}
}
