package recipe

import (
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestPasted reads steps as people paste them: marked as in lists, with signs of
// other scripts, and with names of files.
func TestPasted(t *testing.T) {
	l := layout(t, block.SD1)
	const step = "A x 0.7 + B x 0.3 = R\n"
	v := "0,0.1,0.1,0.1,0.2,0.2,0.2,0.3,0.3,0.3,0.5,0.5,0.5,0.6,0.7,0.7,0.7,0.8,0.8,0.8,0.9,0.9,0.9,1,1,1"
	row := "A x (1-alpha) + B x alpha = R\nalpha = (" + v + ")\n"
	for _, test := range []struct{ text, want string }{
		{"1. A x 0.7 + B x 0.3 = R\n2. R x 0.5 + C x 0.5 = F", step + "R x 0.5 + C x 0.5 = F\n"},
		{"1) A x 0.7 + B x 0.3 = R\n2)R + (C - V) x 0.5 = F", step + "R + (C - V) x 0.5 = F\n"},
		{"(1) A x 0.7 + B x 0.3 = R\n[2] R x 0.5 + C x 0.5 = F", step + "R x 0.5 + C x 0.5 = F\n"},
		{"Step 1: A x 0.7 + B x 0.3 = R\nStep 2: R x 0.5 + C x 0.5 = F", step + "R x 0.5 + C x 0.5 = F\n"},
		{"Step 1: A x 0.7 + B x 0.3\nStep 2: Step 1 x 0.5 + C x 0.5 = F", "A x 0.7 + B x 0.3 = \"Step 1\"\n\"Step 1\" x 0.5 + C x 0.5 = F\n"},
		{"step1 - A x 0.7 + B x 0.3 = R", step},
		{"手順１：A x 0.7 + B x 0.3 = R", step},
		{"Recipe: A x 0.7 + B x 0.3 = R", step},
		{"a) A x 0.7 + B x 0.3 = R\nb. R x 0.5 + C x 0.5 = F", step + "R x 0.5 + C x 0.5 = F\n"},
		{"ii. A x 0.7 + B x 0.3 = R", step},
		{"① A x 0.7 + B x 0.3 = R\n②R x 0.5 + C x 0.5 = F", step + "R x 0.5 + C x 0.5 = F\n"},
		{"1️⃣ A x 0.7 + B x 0.3 = R", step},
		{"> - **1.** A x 0.7 + B x 0.3 = **R**", step},
		{"* [ ] A x 0.7 + B x 0.3 = R", step},
		{"・A x 0.7 + B x 0.3 = R", step},
		{"`A x 0.7 + B x 0.3 = R`", step},
		{"**`R`** = `A` x `0.7` + `B` x 0.3", step},
		{"```\nA x 0.7 + B x 0.3 = R\n```\n---\n", step},
		{"# Recipe\n## Step 1\nA x 0.7 + B x 0.3 = R", step},
		{"1. R = A x (1-alpha) + B x alpha\n   - alpha = (" + v + ")", row},
		{"A. x 0.7 + B x 0.3 = R", "A. x 0.7 + B x 0.3 = R\n"},
		{"\"1. A\" x 0.7 + B x 0.3 = R", "\"1. A\" x 0.7 + B x 0.3 = R\n"},
		{"Step1 x 0.7 + B x 0.3 = R", "Step1 x 0.7 + B x 0.3 = R\n"},
		{"Step 1 x 0.7 + B x 0.3 = R", "\"Step 1\" x 0.7 + B x 0.3 = R\n"},

		{"Ａ　×　０．７　＋　B　×　0.3　＝　R", "Ａ x 0.7 + B x 0.3 = R\n"},
		{"A ｘ ７０％ + B * 30 % = R", step},
		{"A x 70% + B x 30% = R", step},
		{"A X 0.7 + B X 0.3 = R", step},
		{"R = A X 0.7 + B X 0.3", step},
		{"A X (1-alpha) + B X alpha (" + v + ") = R", row},
		{"X X 0.7 + \"B\" X 0.3 = R X", "X x 0.7 + B x 0.3 = \"R X\"\n"},
		{"A X 2 x 0.7 + B x 0.3 = R X 5", "\"A X 2\" x 0.7 + B x 0.3 = \"R X 5\"\n"},
		{"A × 0.7 + B ✕ 0.3 → R", step},
		{"A x 0.7 + B x 0.3 => R", step},
		{"A x 0.7 + B x 0.3=>R", step},
		{"A x 0.7 + B x 0.3 -> R", step},
		{"A x 0.7 + B x 0.3 --> R", step},
		{"R <- A x 0.7 + B x 0.3", step},
		{"R := A x 0.7 + B x 0.3", step},
		{"A + (B − C) x −0.5 = R", "A + (B - C) x -0.5 = R\n"},
		{"A + (B – C) × 0.5 = R", "A + (B - C) x 0.5 = R\n"},
		{"A x （1－alpha） + B x alpha = R\nalpha = （" + strings.ReplaceAll(v, ",", "，") + "）", row},
		{"A x (1-alpha) + B x alpha = R\nalpha = [" + v + "]", row},
		{"A x (1-alpha) + B x alpha = R\nalpha = {" + strings.ReplaceAll(v, ",", ", ") + "}", row},
		{"A x (1-alpha) + B x alpha [" + v + "] = R", row},
		{"A x (1-alpha) + B x alpha = R\nalpha = (" + v + ",)", row},
		{"A x (1-alpha) + B x alpha = R\nalpha = " + v + ",", row},
		{"A x (1-alpha) + B x alpha = R\nalpha = (" + strings.ReplaceAll(v, ",", "、") + ")", row},

		{"A.safetensors x 0.7 + B.ckpt [bf603f9906] x 0.3 = R.safetensors\nR x 0.5 + A x 0.5 = F", step + "R x 0.5 + A x 0.5 = F\n"},
		{"SD15\\A.safetensors [0123456789] x 0.7 + models/b/B.CKPT x 0.3 = R", step},
		{"A/B x 0.7 + v1.5 x 0.3 = R", "\"A/B\" x 0.7 + v1.5 x 0.3 = R\n"},
		{"dir/A.safetensors.index.json x 0.7 + B.bin.index.fp16.json x 0.3 = R", step},
		{"\"A.safetensors\" x 0.7 + B x 0.3 = R", "\"A.safetensors\" x 0.7 + B x 0.3 = R\n"},
	} {
		for _, lenient := range []bool{false, true} {
			r, err := Parse(l, test.text, Options{Lenient: lenient})
			if err != nil {
				t.Errorf("%s: %v", test.text, err)
				continue
			}
			if r.String() != test.want {
				t.Errorf("%s is\n%swant\n%s", test.text, r, test.want)
			}
		}
	}
}

// TestTwoMeanings refuses what could mean two things, and says both.
func TestTwoMeanings(t *testing.T) {
	l := layout(t, block.SD1)
	for _, test := range []struct{ text, want string }{
		{"mixC: A x 0.7 + B x 0.3", `column 1: "mixC:" could be a label before the step or a part of the name "mixC: A"`},
		{"Step 1 A x 0.7 + B x 0.3 = R", `"Step 1 A" could be a number before the step or a part of the name`},
		{"1 A x 0.7 + B x 0.3 = R", `"1 A" could be a number before the step or a part of the name`},
		{"## A x 0.7 + B x 0.3 = R", "line 1: it could be a heading, or a step that is taken out"},
		{"A.ckpt x 0.7 + B x 0.3 = R\nA.safetensors x 0.5 + R x 0.5 = F", `line 2: "A.safetensors" could be the model A of a line above, which was written otherwise, or another one`},
		{"A [aaaaaaaaaa] x 0.7 + A [bbbbbbbbbb] x 0.3 = R", "or another one"},
		{"a/A.ckpt x 0.7 + b/A.ckpt x 0.3 = R", "or another one"},
		{"A x 0.7 + B x 0.3 <- R", "<- points away from the name of the result"},
		{"R => A x 0.7 + B x 0.3", "=> points away from the name of the result"},
		{"R <= A x 0.7 + B x 0.3", `the name "R <" has signs in it`},
		{"A (v1) x 0.7 + B x 0.3 = R", "not one of the four merges"},
		{"*A* x 0.7 + B x 0.3 = R", `the name "*A*" has signs in it`},
		{"A\u200bB x 0.7 + B x 0.3 = R", "has signs in it"},
		{"| A | x 0.7 + B x 0.3 = R", "has signs in it"},
		{"A x 0,7 + B x 0,3 = R", `line 1: column 5: ratio "0,7" has a comma: write 0.7`},
		{"A + (B - C) x -0,08 = R", `ratio "-0,08" has a comma: write -0.08`},
		{"A x 2/3 + B x 1/3 = R", `line 1: column 5: ratio "2/3" is a fraction: write 0.6667`},
		{"A + (B - C) x 1/0 = R", "where a ratio is due"},
		{"A x 70 + B x 30 = R", "sum to 100"},
		{"A x 5e1% + B x 50% = R", "is not a plain decimal number"},
		{"A + (B - C) x alpha = R\nalpha = [0.1]", "where a ratio is due"},
	} {
		r, err := Parse(l, test.text, Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v; want %s", test.text, r, err, test.want)
		}
	}
}

// TestTooMany reads a number too many only as a program prints it, with a note.
func TestTooMany(t *testing.T) {
	sd1, xl := layout(t, block.SD1), layout(t, block.SDXL)
	list := func(first string, n int) string { return first + strings.Repeat(",0.5", n-1) + ",0.2" }
	const formula = "A x (1-alpha) + B x alpha"
	for _, test := range []struct {
		l                *block.Layout
		text, note, want string
	}{
		{sd1, formula + " (" + list("0.123,0.12345", 25) + ") = R", "line 1: alpha has 27 numbers: the first, which SuperMerger prints", ""},
		{sd1, formula + " = R\nalpha = (" + list("0.5", 26) + ")", "", "line 2: alpha has 27 numbers; sd1 wants 26, from BASE to OUT11; the first may be BASE twice"},
		{xl, formula + " = R\nalpha = (" + list("0.123,0.12345", 19) + ")", "line 1: alpha has 21 numbers: the first", ""},
		{xl, formula + " = R\nalpha = (" + strings.Replace(list("0.1", 20), "0.2", "0", 1) + ")", "line 1: alpha has 21 numbers: the last", ""},
		{xl, formula + " = R\nalpha = (" + list("0.1", 25) + ")", "line 1: alpha has 26 numbers: those of blocks that SDXL does not have", ""},
		{xl, formula + " = R\nalpha = (" + list("0.1", 20) + ")", "", "line 2: alpha has 21 numbers"},
	} {
		var notes []string
		r, err := Parse(test.l, test.text, Options{Note: func(s string) { notes = append(notes, s) }})
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, %v; want %s", test.text, r, err, test.want)
			}
			continue
		}
		if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], test.note) {
			t.Errorf("%s: %q, %v; want %s", test.text, notes, err, test.note)
		}
	}
}

// TestManyTimes notes ratios that may be percentages of what is added.
func TestManyTimes(t *testing.T) {
	l := layout(t, block.SD1)
	for text, want := range map[string]string{
		"A + (B - C) x 30 = R":     "line 1: x 30 is 30 times; 30 % is 0.3",
		"A + <lora:L> x -33.3 = R": "line 1: x -33.3 is -33.3 times; -33.3 % is -0.333",
		"A + <lora:L:70> = R":      "line 1: x 70 is 70 times; 70 % is 0.7",
		"A + (B - C) x alpha = R\nalpha = (0.5,4" + strings.Repeat(",0", 24) + ")": "line 1: x 4 is 4 times; 4 % is 0.04",
		"A + (B - C) x 3 = R":      "",
		"A + <lora:L> x 300 % = R": "",
		"A x -3 + B x 4 = R":       "",
		"A + (B - C) x ?[0,5] = R": "",
	} {
		var notes []string
		if _, err := Parse(l, text, Options{Note: func(s string) { notes = append(notes, s) }}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := strings.Join(notes, "\n"); got != want {
			t.Errorf("%s: notes %q, want %q", text, got, want)
		}
	}
}

// TestResolveFiles matches names with those of files, and never two with one.
func TestResolveFiles(t *testing.T) {
	l := layout(t, block.SD1)
	for _, test := range []struct {
		text  string
		known []string
		want  string // the sources, or a part of the error
	}{
		{`"modelA.safetensors" x 0.7 + "dir/B.ckpt [bf603f9906]" x 0.3 = R`, []string{"modelA", "B"}, "modelA B"},
		{`"A" x 0.7 + B x 0.3 = R`, []string{"A.safetensors.index.json", "dir/B.bin.index.json"}, "A.safetensors.index.json dir/B.bin.index.json"},
		{`modelA x 0.7 + B x 0.3 = R`, []string{"modelA.safetensors", `x\B [bf603f9906]`}, `modelA.safetensors x\B [bf603f9906]`},
		{`"A.ckpt" x 0.7 + A x 0.3 = R`, []string{"A.ckpt", "A"}, "A.ckpt A"},
		{`"A.ckpt" x 0.7 + A x 0.3 = R`, []string{"A"}, `line 1: A and "A.ckpt" could both be A`},
		{`"A.ckpt" x 0.7 + "A.pt" x 0.3 = R`, []string{"A"}, `"A.ckpt" and "A.pt" could both be A`},
		{`A x 0.7 + B x 0.3 = R`, []string{"A.ckpt", "A.pt", "B"}, `line 1: A could be "A.ckpt" or "A.pt"`},
		{`"A.ckpt" x 0.7 + B x 0.3 = A`, []string{"A", "B"}, `"A.ckpt" could be the A given or what a step makes`},
		{`A + <lora:"L.safetensors"> x 0.3 = R`, []string{"A", "L"}, "A L"},
		{`a x 0.7 + B x 0.3 = R`, []string{"A", "B"}, "unknown model a: did you mean"},
	} {
		r, err := Parse(l, test.text, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Resolve(test.known); err != nil {
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s of %q: %v; want %s", test.text, test.known, err, test.want)
			}
			continue
		}
		if got := strings.Join(append(r.Sources(), r.Differences()...), " "); got != test.want {
			t.Errorf("%s of %q has %s; want %s", test.text, test.known, got, test.want)
		}
	}
}
