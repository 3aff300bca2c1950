package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/identify"
)

// TestIdentified compares what is printed of a made-up result with what was printed
// once, and holds its lines to 80 characters.
func TestIdentified(t *testing.T) {
	card := func(name, licence string) fingerprint.Card {
		return fingerprint.Card{Name: name, Licence: licence, Page: "https://example.org/" + name, SHA256: strings.Repeat("0123456789abcdef", 4)}
	}
	r := &identify.Result{
		Format: 1, Target: "some merge", Base: "v1-5", Arch: block.SD1, Era: block.SM2023, EraBy: "recognised",
		Verdict: similarity.Missing, Missing: &identify.Missing{Weight: 0.15, Low: 0.09, High: 0.31, Near: []string{"A", "B"}},
		Sources: []identify.Source{
			{Card: card("A", "creativeml-openrail-m"), Content: "a", Evidence: similarity.In, Share: 0.4123, Error: 0.0151, Low: 0.2, High: 0.45, In: 26, Of: 26, Same: []string{"A-pruned", "A-fp32"}},
			{Card: card("a model whose name takes more room than there is", "CC0\x1b[31m"), Content: "l", Evidence: similarity.In, Share: 0.3, Error: 0.00001, Low: -0.1, High: 0.31, In: 3, Of: 26},
			{Card: fingerprint.Card{Name: "v1-5"}, Content: "v", Base: true, Evidence: similarity.In, Share: -0.1, Error: 0.02, Low: -0.2, High: -0.05, In: 25, Of: 26},
			{Card: card("C", "CC0"), Content: "c", LoRA: true, Evidence: similarity.Perhaps, Share: 0.04, Error: 0.03, Low: 0.1, High: 0.1, In: 1, Of: 25},
			{Card: card("D", ""), Content: "d", Evidence: similarity.Perhaps, Share: 0.01, Error: 0.03, Of: 26},
		},
		Blocks: []identify.Block{
			{Name: "BASE", Verdict: similarity.Exact, Cosine: 1, Weights: []identify.Weight{{Source: "A", Weight: 0.2, Error: 0.0001}, {Source: "D", Weight: 0.1, Vague: true}}},
			{Name: "OUT11", Verdict: similarity.Missing, Cosine: 0.99871, Weights: []identify.Weight{{Source: "A", Weight: 0.45, Error: 0.02}, {Source: "C", Weight: -0.1234, Error: 0.00001}}},
		},
		Parts:  []identify.Part{{Part: "text encoder", Same: []string{}}, {Part: "VAE", Same: []string{"A", "B", "C", "D", "E", "F"}}},
		Itself: "some merge", Library: identify.Screened{Records: 98765, Others: 1234, Read: 567, Rounds: 3},
		Answers: []identify.Answer{
			{Name: "A", Evidence: similarity.In, Share: 0.4123, In: 26, Same: []string{"A-pruned"}},
			{Name: "A-pruned", Evidence: similarity.Perhaps, As: "A"},
			{Name: "v1-5", Evidence: similarity.In, Share: -0.1, In: 25},
			{Name: "C", Evidence: similarity.Perhaps, Share: 0.04, Error: 0.03},
			{Name: "X", Evidence: similarity.Out},
			{Name: "Y", Evidence: similarity.Out},
		},
		Notes: []string{"IN04 is left out: the two have different tensors there"},
	}
	var out bytes.Buffer
	for _, write := range []func() error{
		func() error { return Identified(&out, r) },
		func() error {
			return IdentifiedNext(&out, r, IdentifiedFiles{Target: "some merge.mmf", Base: "models/v1-5.ckpt", Library: "lib", Sources: map[string]string{"a": "models/A.safetensors"}})
		},
		func() error { out.WriteString("\n"); return IdentifiedBlocks(&out, r) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > identifyWidth && !strings.Contains(line, "sha256") {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	path := filepath.Join("testdata", "identified.txt")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		verdict similarity.Verdict
		missing *identify.Missing
		sources []identify.Source
		want    string
	}{
		{similarity.Exact, nil, r.Sources[:1], "exact. It is A: what differs is no more than rounding."},
		{similarity.Exact, nil, r.Sources[:2], "exact. All its sources are there"},
		{similarity.Missing, &identify.Missing{}, nil, "cannot be told"},
		{similarity.Missing, nil, nil, "far more than rounding"},
		{similarity.Missing, &identify.Missing{Weight: 0.5, Low: 0.5, High: 0.5, Subtracted: true}, nil, "the recipe subtracts a model that is not there, about 50 % of it"},
		{similarity.Best, &identify.Missing{Weight: 0.001, Low: 0.0005, High: 0.002}, nil, "about 0.1 % ("},
		{similarity.Best, nil, nil, "what is left is little"},
	} {
		got := identifiedHeadline(&identify.Result{Verdict: c.verdict, Missing: c.missing, Sources: c.sources})
		if !strings.Contains(got, c.want) {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
