package exchange

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmatch/merge/block"
)

// TestCases reads inputs that once went wrong: see testdata/cases/README.md.
func TestCases(t *testing.T) {
	const (
		simple = "modelA x 0.7 + modelB x 0.3 = mixC"
		vector = "modelA x (1-alpha) + modelB x alpha = mixC; alpha = (0..1)"
	)
	cases := map[string]struct {
		arch            block.Arch
		want, note, err string // the recipe, a part of the notes, a part of the error
	}{
		"steps-numbered.txt":             {"", "A x 0.7 + B x 0.3 = R; R x 0.5 + C x 0.5 = F", "", ""},
		"steps-named.txt":                {"", "A x 0.7 + B x 0.3 = R; R x 0.5 + C x 0.5 = F", "", ""},
		"steps-paren.txt":                {"", "A x 0.7 + B x 0.3 = R; R + (C - V) x 0.5 = F", "", ""},
		"supermerger-str.json":           {"", "alphaV3 x 0.65 + betaV1 x 0.35 = MERGE1", "", ""},
		"supermerger-gone.json":          {"", "", "", "base_alpha is missing, not a number"},
		"supermerger-mbwstr.json":        {"", "alphaV3 x (1-alpha) + betaV1 x alpha = MERGE1; alpha = (0.35..0.1)", "", ""},
		"supermerger-mbw_listnull.json":  {"", "", "", "weights_alpha[24] is null, not a number"},
		"supermerger-triple_nobeta.json": {"", "", "", "base_beta is null, not a number"},
		"mixer-mbw-text.json":            {"", `"alpha" x (1-alpha) + "beta" x alpha = MERGE1; alpha = (0.1..0.3)`, "model_c has no mode", ""},
		"mixer-adjusted.json":            {"", "", "", `adjusted by "1,0,0.5,0,0,0,0,0"`},
		"mixer-base-in-formula.json":     {"", `"alpha" x 0.7 + "beta" x 0.3 = MERGE1; MERGE1 + (gamma - v1-5-pruned-emaonly) x 0.4 = MERGE2`, "", ""},
		"vector-of-27.txt":               {"", "", "", "line 2: alpha has 27 numbers; sd1 wants 26, from BASE to OUT11; the first may be BASE twice"},
		"history-cosineA.csv":            {"", "modA x 0.7 + modB x 0.3 _cosineA = mymix", "", ""},
		"history-sdxl.csv":               {"", "", "row 1 was left out: weights alpha: alpha has 21 numbers; sd1 wants 26, from BASE to OUT11; it may be for SDXL", "no row of it can be read"},
		"history-sdxl.csv sdxl":          {block.SDXL, "xlA x (1-alpha) + xlB x alpha = mymix; alpha = (0.2..0.4)", "the last, which SuperMerger has for its VAE", ""},
		"presets-of-25.tsv":              {"", "", `line 2: preset "GRAD_V": alpha has 25 numbers; sd1 wants 26, from BASE to OUT11; the first, BASE, may be missing`, "no line of it is a preset"},
		"history-cp932.csv":              {"", "モデルA x 0.7 + 表紙B x 0.3 = 混ぜた表", "code page 932", ""},
		"export-utf16.txt":               {"", "A x 0.6 + V x 0.4 = TEMP1; TEMP1 + (B - V) x 0.4 = TEMP2; TEMP2 + (C - V) x 0.35 = FINAL", "", ""},
		"names-with-extension.txt":       {"", simple, "", ""},
		"vector-fullwidth-commas.txt":    {"", vector, "", ""},
		"vector-trailing-comma.txt":      {"", vector, "", ""},
		"vector-brackets.txt":            {"", vector, "", ""},
		"ratio-percent.txt":              {"", simple, "", ""},
		"big-x.txt":                      {"", simple, "", ""},
		"arrow.txt":                      {"", simple, "", ""},
		"literal.mecha":                  {"", "a x 0.7 + b x 0.3 = MERGE1", "", ""},
	}
	seen := map[string]bool{}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file, _, _ := strings.Cut(name, " ")
			seen[file] = true
			text, err := os.ReadFile(filepath.Join("testdata/cases", file))
			if err != nil {
				t.Fatal(err)
			}
			var l *block.Layout
			if c.arch != "" {
				l = layoutOf(t, c.arch, block.SM2025)
			}
			r, notes, err := Import(text, "", l, Options{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v; want %s", err, c.err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else if got := in(r); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !strings.Contains(strings.Join(notes, "\n"), c.note) {
				t.Errorf("notes %q; want %s", notes, c.note)
			}
		})
	}
	files, err := os.ReadDir("testdata/cases")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "README.md" && !seen[f.Name()] {
			t.Errorf("%s is not tried", f.Name())
		}
	}
}

// TestDecode reads what is not UTF-8, or says that it cannot.
func TestDecode(t *testing.T) {
	for _, c := range []struct{ text, want, note, err string }{
		{"A", "A", "", ""},
		{"\ufeffA", "A", "", ""},
		{"\xff\xfeA\x00\xac\x20", "A€", "", ""},
		{"\xfe\xff\x00A\x20\xac", "A€", "", ""},
		{"\xff\xfe\x3d\xd8\x00\xde", "😀", "", ""},
		{"\xff\xfeA", "", "", "ends within a sign"},
		{"A\x00B\x00", "", "", "UTF-16, without the mark that tells which: save it as UTF-8"},
		{"\x00A\x00B\x30\x42", "", "", "UTF-16, without"},
		{"\x30\xa2\x00 \x00x\x00 \xd8\x40", "", "", "UTF-16, without"},
		{"A\x00\x00B", "", "", "zero bytes in it: save it as UTF-8"},
		{"\x83\x82\x83f\x83\x8b", "モデル", "code page 932", ""},
		{"caf\xe9 x 0.5", "caf\xe9 x 0.5", "cannot be told", ""},           // Latin-1
		{"\xc4\xa3\xd0\xcd x", "\xc4\xa3\xd0\xcd x", "cannot be told", ""}, // Chinese, which would be katakana of half width
		{"\x83\x82\x83", "\x83\x82\x83", "cannot be told", ""},
	} {
		got, note, err := Decode([]byte(c.text))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v; want %s", c.text, err, c.err)
			}
			continue
		}
		if err != nil || string(got) != c.want || !strings.Contains(note, c.note) || c.note == "" && note != "" {
			t.Errorf("%q: %q, %q, %v", c.text, got, note, err)
		}
	}
}
