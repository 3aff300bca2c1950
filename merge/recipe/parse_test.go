package recipe

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// vector returns n numbers in parentheses, all of them s.
func vector(n int, s string) string {
	return "(" + strings.Join(slices.Repeat([]string{s}, n), ",") + ")"
}

// TestForms reads the same merge written in other ways.
func TestForms(t *testing.T) {
	v, w := vector(26, "0.25"), vector(26, "0.5")
	mixed := "(" + strings.Repeat("0,", 25) + "0.5)"
	for _, test := range []struct {
		name, text, want string
	}{
		{"left", "D = A x 0.5 + B x 0.5", "A x 0.5 + B x 0.5 = D\n"},
		{"glued plus", "A+ (B - C) x 0.1 = D", "A + (B - C) x 0.1 = D\n"},
		{"glued plus on the right", "A x 0.5 +B x 0.5 = D", "A x 0.5 + B x 0.5 = D\n"},
		{"1 and 1.0", "A x 0.0 + B x 1 = D", "A x 0 + B x 1.0 = D\n"},
		{"rounded", "A x 0.877 + B x 0.123 = D", "A x 0.877 + B x 0.123 = D\n"},
		{"rest of a number", "A x (1-0.3) + B x 0.3 = D", "A x 0.7 + B x 0.3 = D\n"},
		{"signs", "A x 1.5 + B x -0.5 = D", "A x +1.5 + B x -0.5 = D\n"},
		{"exponent", "A + (B - C) x 1e-3 = D", "A + (B - C) x 0.001 = D\n"},
		{"other signs for x", "A × 0.5 + B * 0.5 = D", "A x 0.5 + B x 0.5 = D\n"},
		{"windows lines", "\ufeffA x 0.5 + B x 0.5 = D\r\n\r\n", "A x 0.5 + B x 0.5 = D\n"},
		{"remarks", "# one\n  // two\nA x 0.5 + B x 0.5 = D # three", "A x 0.5 + B x 0.5 = D // four"},
		{"remark after a vector", "D = A + (B - C) x alpha " + mixed + " - last only", "D = A + (B - C) x alpha " + mixed},
		{"vector below", "A + (B - C) x alpha = D\nalpha = " + mixed, "A + (B - C) x alpha = D\nAdd Diff: alpha =" + mixed},
		{"vector after the name", "A + (B - C) x alpha = D " + mixed, "A + (B - C) x alpha " + mixed + " = D"},
		{"vector without its end", "A + (B - C) x alpha " + mixed[:len(mixed)-1] + " = D", "A + (B - C) x alpha " + mixed + " = D"},
		{"blanks for commas", "A + (B - C) x alpha " + strings.ReplaceAll(mixed, ",", " ") + " = D", "A + (B - C) x alpha " + mixed + " = D"},
		{"uniform vector", "A + (B - C) x alpha " + v + " = D", "A + (B - C) x 0.25 = D"},
		{"number below", "A + (B - C) x alpha = D\nalpha = 0.25", "A + (B - C) x 0.25 = D"},
		{"vectors of two steps", "A + (B - C) x alpha = D\nD + (B - C) x alpha = E\nalpha = 0.25\nalpha = 0.5", "A + (B - C) x 0.5 = D\nD + (B - C) x 0.25 = E"},
		{"twice inline", "(A x (1-alpha) + B x alpha) x (1-beta) + C x beta " + v + "_" + w + " = D", "(A x 0.75 + B x 0.25) x 0.5 + C x 0.5 = D"},
		{"twice below", "(A x (1-alpha) + B x alpha) x (1-beta) + C x beta = D\nbeta = 0.5, alpha = " + v, "(A x 0.75 + B x 0.25) x 0.5 + C x 0.5 = D"},
		{"twice, one vector", "(A x 0.75 + B x 0.25) x (1-beta) + C x beta " + mixed + " = D", "(A x 0.75 + B x 0.25) x (1-beta) + C x beta = D\nbeta = " + mixed},
		{"triple", "A x (1-alpha-beta) + B x alpha + C x beta (alpha = 0.25, beta = 0.5) = D", "A x 0.25 + B x 0.25 + C x 0.5 = D"},
		{"parentheses", "D = ((A)) x 0.5 + (B x 0.5)", "D = A x 0.5 + B x 0.5"},
		{"blanks in names", "Mix V1 x 0.5 + B x 0.5 = Mix V2", `"Mix V1" x 0.5 + B x 0.5 = "Mix V2"`},
		{"definition after use", "D x 0.5 + B x 0.5 = E\nA x 0.5 + B x 0.5 = D", "A x 0.5 + B x 0.5 = D\nD x 0.5 + B x 0.5 = E"},
		{"shared hole", "A x (1-?) + B x ? = D", "A x (1-alpha) + B x alpha = D\nalpha = ?"},
		{"shared hole in a vector", "A x (1-alpha) + B x alpha = D\nalpha = " + vector(26, "?all"), "A x (1-?) + B x ? = D"},
		{"bounds", "A x (1-?[0,1]) + B x ? = D", "A x (1-?) + B x ?[0, 1] = D"},
		{"default bounds", "A + (B - C) x ?[-1,2] = D", "A + (B - C) x ? = D"},
		{"triple holes", "A x (1-?-?) + B x ? + C x ?[0,1] = D", "A x (1-alpha-beta) + B x alpha + C x beta = D\nalpha = ?\nbeta = ?[0,1]"},
		{"unnamed", "A x 0.5 + B x 0.5\nMERGE1 x 0.5 + C x 0.5", "MERGE1 x 0.5 + C x 0.5 = MERGE3\nA x 0.5 + B x 0.5 = MERGE2"},
		{"calculation", "A x 0.92 + B x 0.08_cosineA = D", "A x 0.92 + B x 0.08 _cosineA = D"},
		{"calculation in two words", "D = A + (B - C) x 0.08_smoothAdd MT", "A + (B - C) x 0.08 _smoothAdd MT = D"},
		{"calculation after a vector", "A + (B - C) x alpha " + mixed + "_smoothAdd = D", "A + (B - C) x alpha _smoothAdd = D\nalpha = " + mixed},
		{"calculation, vector without its end", "A + (B - C) x alpha " + mixed[:len(mixed)-1] + "_smoothAdd", "A + (B - C) x alpha _smoothAdd = MERGE1\nalpha = " + mixed},
		{"calculation after a hole", "A x (1-?) + B x ?[0,1]_cosineA = D", "A x (1-?[0,1]) + B x ? _cosineA = D"},
		{"tensor", "A x 0.92 + B x 0.08_tensor_beta_0.25 = D", "A x 0.92 + B x 0.08 _tensor = D\nbeta = 0.25"},
		{"tensor with two vectors", "A x (1-alpha) + B x alpha _tensor2 = D\nalpha = " + mixed + "\nbeta = " + mixed, "A x (1-alpha) + B x alpha " + mixed + " _tensor2 " + mixed + " = D"},
		{"extract", "A x 0.5 + B x 0.5_extract_beta_0.5 = D\ngamma = 2", "A x 0.5 + B x 0.5_extract = D # x\nbeta = 0.5\ngamma = 2 # two"},
		{"extract, gamma left out", "A x 0.5 + B x 0.5_extract_beta_0.5 = D", "A x 0.5 + B x 0.5_extract_beta_0.5 = D\ngamma = 1"},
		{"elements", "A x 0.5 + B x 0.5 = D\nelemental = IN01-IN02 M00:attn1 to_q:0.25,NOT IN03:NOT attn2:-1, ::0", "A x 0.5 + B x 0.5 = D\nelemental = IN01 IN02 MID:attn1 to_q:0.250\nelemental=NOT IN03:NOT attn2:-1 // none\nelemental = ::0"},
		{"include", "A x 0.5 + B x 0.5 = D\ninclude = IN01-IN03, VAE, attn2", "A x 0.5 + B x 0.5 = D\ninclude = in01 IN02 IN3 VAE attn2"},
		{"exclude for two steps", "A x 0.5 + B x 0.5 = D\nexclude = Adjust\nD x 0.5 + B x 0.5 = exclude\nexclude = BASE", "A x 0.5 + B x 0.5 = D\nexclude = Adjust\nexclude = D x 0.5 + B x 0.5\nexclude = BASE"},
		{"minus zero", "A + (B - C) x -0 = D", "A + (B - C) x 0 = D"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := layout(t, block.SD1)
			got, err := Parse(l, test.text, Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := Parse(l, test.want, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if test.name == "unnamed" { // MERGE1 is a source, so 2 and 3 are free
				if got.String() != "A x 0.5 + B x 0.5 = MERGE2\nMERGE1 x 0.5 + C x 0.5 = MERGE3\n" {
					t.Errorf("got %s", got)
				}
				return
			}
			equal(t, got, want)
			if got.String() != want.String() {
				t.Errorf("%s; want %s", got, want)
			}
		})
	}
}

// TestErrors wants each thing that is wrong told by its line and in words.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
	}{
		{"nothing", "\n# only a remark\n", "no merge step"},
		{"prose", "\nsome prose", `line 2: "some prose" is not notation`},
		{"heading", "input_blocks + middle_block", "line 1: input_blocks has no ratio"},
		{"informal", "X = A + B (BASE only)", "line 1: A has no ratio"},
		{"no ratio", "A x 0.5 + B = C", "line 1: B has no ratio"},
		{"assignment only", "A = B", "line 1: not one of the four merges"},
		{"25 numbers", "A + (B - C) x alpha = D\nalpha = " + vector(25, "0.1"), "line 2: alpha has 25 numbers; sd1 wants 26, from BASE to OUT11; the first, BASE, may be missing"},
		{"20 numbers", "A + (B - C) x alpha " + vector(20, "0.1") + " = D", "line 1: alpha has 20 numbers; sd1 wants 26"},
		{"27 numbers", "A + (B - C) x alpha (0.5," + vector(26, "0.1")[1:] + " = D", "line 1: alpha has 27 numbers"},
		{"NaN", "A + (B - C) x NaN = D", `line 1: column 15: ratio "NaN" is not a finite number`},
		{"infinity", "A + (B - C) x Inf = D", `line 1: column 15: ratio "Inf" is not a finite number`},
		{"too large", "A + (B - C) x 1e400 = D", `line 1: column 15: ratio "1e400" is out of range`},
		{"hexadecimal", "A + (B - C) x 0x1p-2 = D", `line 1: column 15: ratio "0x1p-2" is not a plain decimal number`},
		{"NaN in a vector", "A + (B - C) x alpha = D\nalpha = (0,0,NaN)", `line 2: alpha of IN01: column 14: ratio "NaN" is not a finite`},
		{"word in a vector", "A + (B - C) x alpha = D\nalpha = (0,zero)", `line 2: alpha of IN00: column 12: "zero" where a ratio is due`},
		{"missing number", "A + (B - C) x alpha = D\nalpha = (0,,0)", `line 2: alpha of IN00: column 12: "," where a ratio is due`},
		{"comma at the end", "A + (B - C) x alpha = D\nalpha = (0,0,)", "line 2: alpha has 2 numbers; sd1 wants 26"},
		{"comma behind one", "A + (B - C) x alpha = D\nalpha = 0.5,", "line 2: alpha of IN00: column 13: the line ends where a ratio is due"},
		{"sum", "A x 0.95 + B x 0.06 = D", "line 1: the ratios 0.95 and 0.06 sum to 1.01; they must sum to 1"},
		{"sum of three", "A x 0.5 + B x 0.25 + C x 0.5 = D", "line 1: the ratios 0.5 and 0.25 and 0.5 sum to 1.25"},
		{"turned round", "A x alpha + B x (1-alpha) = D", "line 1: alpha and beta are shares of the later models"},
		{"beta for alpha", "A x (1-beta) + B x beta = D", "line 1: alpha and beta stand in the wrong places"},
		{"four terms", "A x 0.25 + B x 0.25 + C x 0.25 + D x 0.25 = E", "line 1: not one of the four merges"},
		{"nested merges", "((A x 0.5 + B x 0.5) x 0.5 + C x 0.5) x 0.5 + D x 0.5 = E", "line 1: not one of the four merges"},
		{"deep", strings.Repeat("(", 100) + "A x 0.5 + B x 0.5 = D", "line 1: column 9: parentheses nest deeper than 8"},
		{"difference without a ratio", "A + (B - C) = D", "line 1: the difference has no ratio"},
		{"difference with a wrong ratio", "A + (B - C) x (1-alpha) = D", "line 1: a difference is multiplied by a number or by alpha"},
		{"made twice", "A x 0.5 + B x 0.5 = D\n\nA x 0.25 + B x 0.75 = D", "line 3: D is made twice: first on line 1"},
		{"itself", "A x 0.5 + B x 0.5 = A", "line 1: A is made from itself"},
		{"circle", "B x 0.5 + X x 0.5 = A\nC x 0.5 + X x 0.5 = B\nA x 0.5 + X x 0.5 = C", "line 1: the steps go in a circle, each made from the one before: C -> B -> A -> C"},
		{"no vector", "A + (B - C) x alpha = D", "line 1: D is left without alpha: it wants alpha = (26 numbers) on the next line"},
		{"no beta", "(A x (1-alpha) + B x alpha) x (1-beta) + C x beta " + vector(26, "0") + " = D", "line 1: D is left without beta"},
		{"vector too many", "A x 0.5 + B x 0.5 = D\nalpha = " + vector(26, "0"), "line 2: no step above lacks alpha"},
		{"vector twice", "A + (B - C) x alpha " + vector(26, "0") + " = D\nalpha = " + vector(26, "0"), "line 2: no step above lacks alpha"},
		{"vector for a number", "A x 0.5 + B x 0.5 " + vector(26, "0") + " = D", "line 1: column 19: a vector for a step whose ratio is given already"},
		{"random calculation", "A x 0.5 + B x 0.5_plus random = D", `line 1: column 18: calculation mode "plus random" cannot be repeated`},
		{"two calculations", "A + (B - C) x alpha _self " + vector(26, "0") + "_smoothAdd = D", `a second calculation mode`},
		{"no beta for tensor2", "A x 0.5 + B x 0.5_tensor2 = D", `D is left without beta`},
		{"other beta", "A x 0.5 + B x 0.25 + C x 0.25_tensor_beta_0.3 = D", `line 1: column 30: beta is 0.3 here, and 0.25 before`},
		{"gamma for another", "A x 0.5 + B x 0.5 = D\ngamma = 2", "line 2: gamma is for the calculation mode extract alone"},
		{"elements of nothing", "elemental = IN01:attn1:0.5", "line 1: no step above for elemental"},
		{"element without a ratio", "A x 0.5 + B x 0.5 = D\nelemental = IN01:attn1", `line 2: elemental "IN01:attn1": want blocks:words:ratio`},
		{"element of no block", "A x 0.5 + B x 0.5 = D\nelemental = IN13:attn1:1", `line 2: elemental "IN13:attn1:1": there is no block "IN13" in sd1`},
		{"element, turned range", "A x 0.5 + B x 0.5 = D\nelemental = IN03-IN01:attn1:1", `line 2: elemental "IN03-IN01:attn1:1": there is no block "IN03-IN01" in sd1`},
		{"element, ratio", "A x 0.5 + B x 0.5 = D\nelemental = IN01:attn1:R", `line 2: elemental "IN01:attn1:R": ratio "R" is not a plain decimal number`},
		{"include and exclude", "A x 0.5 + B x 0.5 = D\ninclude = IN01\nexclude = IN02", "either includes or excludes"},
		{"exclude nothing", "A x 0.5 + B x 0.5 = D\nexclude = ", "line 2: exclude names no blocks"},
		{"remark after a name", "A x 0.5 + B x 0.5 = Model (v2)", `line 1: column 27: "(" where the end of the line`},
		{"sign in a name", "A x 0.5 + B x 0.5 = Model + more", `line 1: column 27: "+" after the name Model`},
		{"two assignments", "A x 0.5 + B x 0.5 = C = D", "line 1: column 23: a second = in the line"},
		{"no end of quotes", `"A x 0.5 + B x 0.5 = C`, "line 1: column 1: a quoted name has no end"},
		{"empty name", `"" x 0.5 + B x 0.5 = C`, "line 1: column 1: a quoted name is empty"},
		{"no name", "A x 0.5 + B x 0.5 =", "line 1: column 20: the line ends where the name of a model is due"},
		{"nothing to name", "= A x 0.5 + B x 0.5", `line 1: column 1: "=" where the name of a model is due`},
		{"backward bounds", "A + (B - C) x ?[1,0] = D", "line 1: column 15: the bounds [1,0] hold nothing between them"},
		{"one bound", "A + (B - C) x ?[1] = D", "line 1: column 15: an open ratio has two bounds"},
		{"endless bound", "A + (B - C) x ?[0,Inf] = D", `line 1: column 15: upper bound "Inf" is not a finite number`},
		{"bounds that differ", "A x (1-?[0,1]) + B x ?[0,2] = D", "line 1: the first model's ratio is not 1 minus"},
		{"long line", "A x 0.5 + B x 0.5 = " + strings.Repeat("C", 1<<16), "line 1: the line has 65556 bytes"},
		{"long text", strings.Repeat("# remark\n", 1<<17), "the text has 1179648 bytes; at most 1048576 are read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Parse(layout(t, block.SD1), test.text, Options{})
			if err == nil {
				t.Fatalf("read as:\n%s", r)
			}
			if text := err.Error(); !strings.HasPrefix(text, test.want) && (!strings.HasPrefix(text, "line 1: ") || !strings.Contains(text, test.want)) {
				t.Errorf("%v; want %s", err, test.want)
			}
		})
	}
}

// TestLenient wants what is near notation told from what is notation.
func TestLenient(t *testing.T) {
	for _, test := range []struct {
		name, text, want string // want is the recipe, or the error
	}{
		{"list", "My mix:\n- A x 0.5 + B x 0.5 = C\n* C + (A - B) x 0.1 = D\n", "A x 0.5 + B x 0.5 = C\nC + (A - B) x 0.1 = D\n"},
		{"remark", "A x 0.5 + B x 0.5 = C (the best one)", "A x 0.5 + B x 0.5 = C\n"},
		{"explained", "Weight sum is A x (1-alpha) + B x alpha\nwhere alpha = the share of B.\nalpha = 0.5 is half.\nA x 0.5 + B x 0.5 = C", "A x 0.5 + B x 0.5 = C\n"},
		{"picture", "Size: 512 x 768 + hires\nsize = 512 x 768\nE = mc\nA x 0.5 + B x 0.5 = C", "A x 0.5 + B x 0.5 = C\n"},
		{"quotes", "\"quoted\nit's \"so\nA x 0.5 + B x 0.5 = C", "A x 0.5 + B x 0.5 = C\n"},
		{"long line", strings.Repeat("prose ", 1<<14) + "\nA x 0.5 + B x 0.5 = C", "A x 0.5 + B x 0.5 = C\n"},
		{"no recipe", "A B C", "no merge step"},
		{"wrong vector", "prose\nA + (B - C) x alpha " + vector(25, "0") + " = D", "line 2: alpha has 25 numbers; sd1 wants 26, from BASE to OUT11; the first, BASE, may be missing"},
		{"wrong vector, no name", "A + (B - C) x alpha " + vector(25, "0"), "line 1: alpha has 25 numbers; sd1 wants 26, from BASE to OUT11; the first, BASE, may be missing"},
		{"wrong vector below", "A + (B - C) x alpha = D\nalpha = " + vector(25, "0"), "line 2: alpha has 25 numbers; sd1 wants 26, from BASE to OUT11; the first, BASE, may be missing"},
		{"wrong sum", "A x 0.5 + B x 0.6 = C", "line 1: the ratios 0.5 and 0.6 sum to 1.1; they must sum to 1"},
		{"NaN", "A + (B - C) x NaN = D", `line 1: column 15: ratio "NaN" is not a finite number`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Parse(layout(t, block.SD1), test.text, Options{Lenient: true})
			got := fmt.Sprint(err)
			if err == nil {
				got = r.String()
			}
			if got != test.want {
				t.Errorf("%s; want %s", got, test.want)
			}
		})
	}
}

// TestResult keeps only what the result needs.
func TestResult(t *testing.T) {
	l := layout(t, block.SD1)
	text := "Z x 0.5 + B x 0.5 = Y\nA x 0.5 + B x 0.5 = T1\nA x 0.25 + C x 0.75 = T2\nT1 x 0.5 + B x 0.5 = T3"
	r, err := Parse(l, text, Options{Result: "fin", Aliases: map[string]string{"fin": "T3", "A": "OpenBra"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "OpenBra x 0.5 + B x 0.5 = T1\nT1 x 0.5 + B x 0.5 = T3\n"; r.String() != want {
		t.Errorf("%s; want %s", r, want)
	}
	_, err = Parse(l, text, Options{Result: "T33"})
	if want := "no step makes T33: did you mean T3?"; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

// TestXL reads the vectors that SuperMerger prints or takes for SDXL.
func TestXL(t *testing.T) {
	l := layout(t, block.SDXL)
	list := func(from, n int) string {
		f := make([]string, n)
		for i := range f {
			f[i] = fmt.Sprintf("0.%02d", from+i)
		}
		return strings.Join(f, ",")
	}
	for _, test := range []struct{ name, vector, want string }{
		{"20", list(10, 20), ""},
		{"BASE twice", "0.10," + list(10, 20), ""},
		{"VAE", list(10, 20) + ",0", ""},
		{"26", list(10, 10) + ",0.9,0.9,0.9," + list(20, 10) + ",0.9,0.9,0.9", ""},
		{"both", "0.1,0.1," + list(10, 18) + ",0", "alpha has 21 numbers; sdxl wants 20, from BASE to OUT08; either the first"},
		{"neither", "0.5," + list(10, 20), "alpha has 21 numbers"},
		{"all equal", vector(21, "0")[1:42], ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Parse(l, "A + (B - C) x alpha ("+test.vector+") = D", Options{})
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v; want %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range r.Steps[0].Alpha {
				want := float64(10+i) / 100
				if test.name == "all equal" {
					want = 0
				}
				if x.Value != want {
					t.Errorf("%s is %v; want %v", l.Name(block.ID(i)), x.Value, want)
				}
			}
		})
	}
}

// TestLimits reads as many steps as there may be, each needing the next, and
// refuses one more.
func TestLimits(t *testing.T) {
	l := layout(t, block.SD1)
	var b strings.Builder
	for i := range MaxSteps {
		fmt.Fprintf(&b, "M%d x 0.5 + A x 0.5 = M%d\n", i+1, i)
	}
	r, err := Parse(l, b.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Result() != "M0" || r.Steps[0].Out != "M9999" {
		t.Errorf("from %s to %s", r.Steps[0].Out, r.Result())
	}
	b.WriteString("M0 x 0.5 + A x 0.5 = LAST")
	if _, err := Parse(l, b.String(), Options{}); err == nil || err.Error() != "line 10001: more than 10000 steps" {
		t.Error(err)
	}
	circle := strings.Replace(b.String(), "M10000 x", "M0 x", 1)
	circle = circle[:strings.LastIndex(circle, "\n")]
	if _, err := Parse(l, circle, Options{}); err == nil || len(err.Error()) > 300 {
		t.Error(err)
	}
}
