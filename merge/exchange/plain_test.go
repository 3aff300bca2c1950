package exchange

import (
	"errors"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// TestNotPlain exports steps that are more than ratios: the notation holds
// them, and no other format writes something else in their place.
func TestNotPlain(t *testing.T) {
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"A x 0.7 + B x 0.3_cosineA = C\n",
		"A x 0.7 + B x 0.3 = C\nelemental = IN01:attn:0.5\n",
		"A x 0.7 + B x 0.3 = C\nexclude = IN01\n",
		"A + <lora:D> x 0.3 = C\n",
	} {
		r, err := recipe.Parse(l, text, recipe.Options{})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, f := range Formats() {
			out, _, err := Export(r, f.Name, Options{})
			switch {
			case !f.CanWrite:
			case f.Name == "text", len(r.Differences()) > 0 && (f.Name == "json" || f.Name == "metadata"):
				back, _, err := Import(out, f.Name, l, Options{})
				if err != nil || back.String() != r.String() {
					t.Errorf("%q became %v, %v", text, back, err)
				}
			case !errors.Is(err, ErrCannot):
				t.Errorf("%q as %s: %s, %v", text, f.Name, out, err)
			}
		}
	}
}
