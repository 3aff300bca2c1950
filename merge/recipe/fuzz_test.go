package recipe

import (
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// seeds has one text for each kind of token, and each mode and form.
func seeds() []string {
	v := "(" + strings.Repeat("0.1,", 25) + "0.2)"
	w := "(" + strings.Repeat("?,", 20) + "?[0,1],?all,?all[0,0.5],1,0,-0.5)"
	return []string{
		"A x 0.5 + B x 0.5 = C\n",
		"C = A x 0.95 + B x .05 # note",
		"A + (B - C) x 0.1 = D\r\nD + (B -  C) x 1e-3 = E\r\n",
		"A + (B - C) x NaN = D", "A + (B - C) x Inf = D", "A + (B - C) x 1e400 = D", "A + (B - C) x 0x1p-2 = D",
		"A + (B - C) x -0 = D", "A + (B - C) x 5e-324 = D", "A + (B - C) x +1000000 = D", "A + (B - C) x 1_0 = D",
		"A x 0.2 + B x 0.3 + C x 0.5 = D",
		"(A x 0.5 +B x 0.5) x 0.25 + C x 0.75",
		"A x (1-alpha) + B x alpha = C\nalpha = " + v,
		"C = A x (1-alpha) + B x alpha " + v + " - only BASE",
		"A x (1 - alpha - beta) + B x alpha + C x beta = D\nalpha = " + v + "\nAdd Diff: beta =" + w,
		"A x (1-alpha-beta) + B x alpha + C x beta (alpha = " + v[1:len(v)-1] + ",beta = " + v[1:] + " = D",
		"(A x (1-alpha) + B x alpha)x(1-beta)+  C x beta " + v + "_" + w + " = D",
		"A + (B - C) x alpha " + v[:len(v)-1] + " = D", "A + (B - C) x alpha = D\nalpha = ?[-0.5,0.25]",
		"A + (B - C) x ? = D\nD x (1-?) + C x ?[0,1] = E", "A x (1-?-?) + B x ?all + C x ? = D",
		"\"a b\" x 0.5 + \"c (\\\"d\\\") - e\" x 0.5 = \"x\"", "dream shaper 6.1 x 0.5 + β-model x 0.5 = Blessing Mix V1-Evo",
		"A+B x 0.5 + C++ x 0.5 = D(", "((A)) x 0.5 + (B x 0.5) = C", "A+ (B - C) x 1 = D",
		"A x 0.08_cosineA + B x 0.5_smoothAdd MT", "A x 0.5 + B x 0.5_tensor_beta_0.1 = C",
		"A x 0.5 + B x 0.5 _extract_beta_0.5 = C\ngamma = 2\nelemental = IN01-IN03 M00:NOT attn1 x:0.5, NOT BASE::-1\nexclude = VAE IN01 to_q",
		"A + (B - C) x alpha " + v + "_tensor2 = D\nbeta = " + w + "\ninclude = Adjust OUT00-OUT11", "foo _self x 0.5 + 2_tensor x 0.5 = x_self",
		"X = A + B (BASE only)", "input_blocks + middle_block", "\xff\x00 x 0.5 + \u00a0B x 0.5 = \u2028C",
		"A x 0.5 + B x 0.5 = C\nC x 0.5 + A x 0.5 = D", "A x 0.5 + B x 0.5 = A", "alpha x 0.5 + 1-2 x 0.5 = 0.5",
		"A + <lora:X> x 0.7 + <lora:\"a>b\"> x -1 = B\nB <lora:Y:0.5:0.25>", "A x (1-?) + B x ? + <lora: a b:te=1:unet=0> = C", "A + <lora:D> x alpha " + w + " = E",
		"1. A x 70% + `B.ckpt [0123456789]` x 30 % => R", "> - **Step 2:** Ａ　×　０．７　＋　B　X　０．３　→　Ｒ", "①A x (1-alpha) + B x alpha = R\nalpha = [" + v[1:len(v)-1] + "、]", "R := A － B",
		"A + X:0.7,Y Z:-0.3:1,0,0 = B", "A <lora:X:0.5:lbw=1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0>",
		"A<lora:", "A <lora:\"", "A <lora:X:0.7> - B x 1", "((((((((((((A", "\"A", "?[", "(1-", "- A × 0.5 + B * 0.5 = C",
	}
}

// FuzzParse wants that whatever is read can be written, and read again as the
// same recipe, which is written the same way.
func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Add(readFile(f, "article.txt"), true)
	l := layout(f, block.SD1)
	f.Fuzz(func(t *testing.T, text string, lenient bool) {
		r, err := Parse(l, text, Options{Lenient: lenient})
		if err != nil {
			return
		}
		for _, lenient := range []bool{false, true} {
			again, err := Parse(l, r.String(), Options{Lenient: lenient})
			if err != nil {
				t.Fatalf("%v in:\n%s", err, r)
			}
			equal(t, again, r)
			if again.String() != r.String() {
				t.Fatalf("changed:\n%s\nto:\n%s", r, again)
			}
		}
		if _, err := New(l, r.Steps); err != nil {
			t.Fatal(err)
		}
		if w := r.Program().Weights(r.Column(3)); len(w) != len(r.Sources())+len(r.Differences()) {
			t.Fatalf("%d weights for %d sources and %d LoRAs", len(w), len(r.Sources()), len(r.Differences()))
		}
	})
}
