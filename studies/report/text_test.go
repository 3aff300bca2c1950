package report

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/studies"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func ptr(v float64) *float64 { return &v }

// summary is a small study with a bit of everything.
func summary(v similarity.Verdict) *studies.Summary {
	s := &studies.Summary{
		Recipe: "OpenBra x 0.9 + Evt x 0.1 = TEMP1\nTEMP1 + (sxd - v1-5) x 0.18 = FINAL\n",
		Target: "evo", Base: "v1-5", Arch: block.SD1, Era: block.SM2025, EraBy: "recognised",
		Eras:    []studies.EraFit{{Era: block.SM2025, Block: "OUT11", Noise: 1.04}, {Era: block.SM2023, Block: "IN00", Noise: 24013}},
		Verdict: v,
		Groups: []studies.Group{{
			Published: ptr(.972),
			Name:      block.Outputs, Achieved: .985187, Ceiling: .985188, Explained: ptr(.91), Verdict: v,
			Blocks: []studies.Block{
				{
					Published: ptr(.97),
					Name:      "OUT03", Achieved: .974805, Ceiling: .974806, Explained: ptr(.9), Unexplained: .12, Noise: 4000, Verdict: v,
					Weights: []studies.Weight{{Source: "v1-5", Weight: -.2, Error: .0002}, {Source: "OpenBra", Weight: 1.2, Error: .00001}},
				},
				{
					Name: "OUT04", Achieved: 1, Ceiling: 1, Explained: ptr(.92), Verdict: similarity.Exact,
					Weights: []studies.Weight{{Source: "OpenBra", Weight: 1, Vague: true}},
				},
			},
		}},
		Steps: []studies.Step{
			{Text: "OpenBra x 0.9 + Evt x 0.1 = TEMP1", Similarity: map[block.Group]float64{block.Outputs: .922178}},
			{Text: "TEMP1 + (sxd - v1-5) x 0.18 = FINAL", Similarity: map[block.Group]float64{block.Outputs: .985187}, Published: map[block.Group]float64{block.Outputs: .972}},
		},
		Sources: []studies.Source{{Name: "v1-5", Low: -.2, High: -.2, MaxError: .0002, Blocks: 1, Evidence: similarity.In}, {Name: "OpenBra", Evidence: similarity.In, Low: 1, High: 1.2, MaxError: .00001, Blocks: 2}, {Name: "sxd", Evidence: similarity.Perhaps, Low: .02, High: .020001, MaxError: .03, Blocks: 1}, {Name: "anylora", Evidence: similarity.Out}},
		Twins:   []similarity.Twin{{A: "OpenBra", B: "OpenBra2", Difference: .001}},
		VAE:     studies.VAE{Source: "OpenBra", Same: true},
		Trials:  600,
		Notes:   []string{"the base was not searched: the target or the first source has no such tensors"},
	}
	if v == similarity.Missing {
		s.Missing = &studies.Missing{Weight: .15, Low: .14, High: .17, WithBase: ptr(.21), Near: []string{"OpenBra"}}
		s.Steps[0].Evidence, s.Steps[1].Evidence = similarity.In, similarity.Perhaps
		s.Groups[0].Blocks[0].Same = [][]string{{"OpenBra", "anylora"}}
		s.EraBy, s.VAE = "assumed", studies.VAE{Source: "OpenBra", Difference: .031}
	}
	if v == similarity.Short {
		s.EraBy, s.VAE, s.Groups[0].Explained = "given", studies.VAE{}, nil
	}
	return s
}

func TestText(t *testing.T) {
	for name, v := range map[string]similarity.Verdict{
		"exact": similarity.Exact, "best": similarity.Best, "missing": similarity.Missing, "short": similarity.Short,
	} {
		var b bytes.Buffer
		if err := Text(&b, summary(v), Page{}); err != nil {
			t.Fatal(err)
		}
		if err := Next(&b, summary(v), "my studies/evo", Page{}); err != nil {
			t.Fatal(err)
		}
		if err := Weights(&b, summary(v), Page{}); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", b.Bytes())
	}
}

// TestPages shows one study as terminals of 80 and 200 columns do, without colours, and
// as a pipe gets it.
func TestPages(t *testing.T) {
	for name, page := range map[string]Page{
		"80": {Width: 80, Colour: true}, "80-no-colour": {Width: 80}, "200": {Width: 200, Wide: true, Colour: true}, "pipe": {},
	} {
		var b bytes.Buffer
		s := summary(similarity.Missing)
		for i := range 12 {
			s.Sources = append(s.Sources, studies.Source{Name: fmt.Sprintf("decoy number %d with a long name of the kind that people give", i), Evidence: similarity.Out})
		}
		s.Sources = append(s.Sources, studies.Source{Name: "a name \x1b[2J of far more columns than any table of a terminal has room for", Evidence: similarity.In, Low: .01, High: .02, Blocks: 1})
		if err := errors.Join(Text(&b, s, page), Next(&b, s, "evo", page)); err != nil {
			t.Fatal(err)
		}
		for _, l := range strings.Split(b.String(), "\n") {
			plain := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(l, "")
			if page.Width > 0 && safetext.Columns(plain) > page.Width && !strings.HasPrefix(plain, "# ") {
				t.Errorf("%s: %d columns: %s", name, safetext.Columns(plain), l)
			}
			if strings.Contains(plain, "\x1b") {
				t.Errorf("%s: a name does something: %q", name, l)
			}
		}
		golden(t, "page-"+name+".txt", b.Bytes())
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// TestScreen holds the first screen to 24 lines, whatever there is to say.
func TestScreen(t *testing.T) {
	s := summary(similarity.Missing)
	for i := range 30 {
		name := fmt.Sprintf("source%d", i)
		s.Sources = append(s.Sources, studies.Source{Name: name, Evidence: similarity.In, Low: .1, High: .2, Blocks: 2})
		s.Steps = append(s.Steps, s.Steps[1])
	}
	s.Groups = append(s.Groups, s.Groups[0], s.Groups[0])
	var b bytes.Buffer
	p := &printer{w: &b, page: Page{Width: 80}}
	p.screen(s)
	if n := strings.Count(b.String(), "\n"); n > screenLines+1 { // the last is blank
		t.Errorf("%d lines:\n%s", n, b.String())
	}
	if !strings.Contains(b.String(), "and 30 more, below") || !strings.Contains(b.String(), "\n  32  TEMP1") {
		t.Error(b.String())
	}
}

func TestHeadlineLacking(t *testing.T) {
	s := summary(similarity.Missing)
	for _, test := range []struct {
		blocks, lacking []string
		part, want      string
	}{
		{nil, nil, "", "a source is missing: an unknown source of about 15 % (14 to 17)."},
		{[]string{"BASE"}, []string{"B"}, "text encoder", "all other blocks are exact; in BASE a part is missing that B may hold, which has no text encoder."},
		{[]string{"1", "2", "3", "4", "5", "6", "7"}, []string{"B", "C"}, "", "all other blocks are exact; in 1, 2, 3, 4, 5, 6 and 1 more a part is missing that B or C may hold, which have no weights there."},
	} {
		s.Missing.Blocks, s.Missing.Lacking, s.Missing.Part = test.blocks, test.lacking, test.part
		if got := Headline(s); got != test.want {
			t.Errorf("%v: %s; want %s", test.blocks, got, test.want)
		}
	}
}

func TestSameModel(t *testing.T) {
	s := summary(similarity.Exact)
	s.Twins[0].Difference = 0
	s.Groups[0].Blocks[0].Same = [][]string{{"OpenBra", "OpenBra2"}, {"OpenBra", "OpenBra2", "anylora"}}
	var b bytes.Buffer
	if err := Text(&b, s, Page{}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "  OpenBra and OpenBra2 are the same model: how the share divides between them cannot be told\n") ||
		strings.Contains(text, "OUT03: OpenBra, OpenBra2;") || !strings.Contains(text, "OUT03: OpenBra, OpenBra2, anylora;") {
		t.Error(text)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestTextError(t *testing.T) {
	if err := Text(full{}, summary(similarity.Exact), Page{}); err == nil {
		t.Error("no error from a writer that fails")
	}
}

func TestQuote(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other quotes")
	}
	for in, want := range map[string]string{"a/b-1.safetensors": "a/b-1.safetensors", "my study": "'my study'", "": "''", `a"$b`: `'a"$b'`, "it's": `'it'\''s'`, "-x": "./-x"} {
		if got := Quote(in); got != want {
			t.Errorf("%q: %s; want %s", in, got, want)
		}
	}
}
