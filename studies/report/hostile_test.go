package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/studies"
)

// hostile is what a name or a file's metadata may be.
const hostile = "</script></style></title></svg>--><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\"'`$&{{.}}\u202e\x1b[31m\u0000\xff|\n# [a](javascript:alert(1))"

// Hostile returns a page in which every text is hostile.
func Hostile() *View {
	l, err := block.Default(block.SD1)
	if err != nil {
		panic(err)
	}
	v := 0.97
	w := []studies.Weight{{Source: hostile, Weight: 0.5, Error: 0.1, Low: 0.4, High: 0.6}, {Source: hostile + "2", Weight: 0.5, Vague: true}}
	p := &View{
		Target: hostile, Base: hostile, Arch: block.SD1, Era: block.SM2025, Finished: true, Headline: hostile, Words: []string{hostile},
		Groups:   []Group{{Name: hostile, Achieved: &v, Ceiling: 0.98, Explained: &v, Published: &v, Verdict: hostile}},
		Blocks:   []Block{{Name: "BASE", Group: block.Base, Achieved: &v, Ceiling: 0.98, Explained: &v, Unexplained: &v, Single: hostile, SingleScore: 0.9, Verdict: hostile, Weights: w}, {Name: hostile, Ceiling: 0.98, Weights: w}},
		Sources:  []Source{{Name: hostile, Evidence: similarity.In, Low: 0.5, High: 0.5, Blocks: 2}, {Name: hostile + "2", Evidence: similarity.Perhaps, Blocks: 1, Vague: true}},
		Steps:    []studies.Step{{Text: hostile, Similarity: map[block.Group]float64{hostile: 0.9}}, {Text: hostile, Similarity: map[block.Group]float64{hostile: 0.95}}},
		Begins:   []bool{true, false},
		Left:     &Left{From: hostile, Kinds: []string{hostile}, Cells: [][]*LeftCell{{{Share: 0.5, Roundings: 3}, nil}}},
		LoRA:     &studies.LoRA{Rank: 1, In: 1, Of: 1, Matrices: []studies.LoRAMatrix{{Key: hostile, Part: 1, Rank: 2, Values: []float64{3, 2}, Edge: 0.1}}},
		Alike:    &Alike{From: hostile, Names: []string{hostile, "b"}, Cosines: [][]*float64{{&v, nil}, {nil, &v}}},
		Searches: []Search{{Name: hostile, Trials: 2, Best: []Point{{0, 0.1}, {1, 0}}, Spans: []Span{{0, 1, 0, 0.1}}, Ceiling: new(float64)}},
		Recipe:   hostile, Formats: []Document{{Name: "text", Ext: ".txt", Doc: "d", Text: hostile, Notes: []string{hostile}}, {Name: "json", Why: hostile}},
		Files:  []File{{Name: hostile, Role: "source", File: hostile, SHA256: hostile, Legacy: hostile, Content: hostile, Licence: hostile, Author: hostile, Note: hostile}},
		Notes:  []string{hostile},
		layout: l,
	}
	return p
}

func TestHostile(t *testing.T) {
	var b bytes.Buffer
	if err := Hostile().HTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, bad := range []string{"<script>window", "<img", "onerror=window.hacked=1>\"", "javascript:alert(1)\"", "\x1b", "\u202e", "\x00"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if n := len(regexp.MustCompile(`(?i)<script`).FindAllString(text, -1)); n != 2 {
		t.Errorf("%d scripts; want the map's numbers and the page's own", n)
	}
	if n := len(regexp.MustCompile(`(?i)</title>`).FindAllString(text, -1)); n < 2 {
		t.Errorf("%d titles", n)
	}
	for _, f := range Hostile().Figures() {
		if f.Picture == nil {
			t.Errorf("%s is absent: %s", f.Name, f.Absent)
			continue
		}
		d := xml.NewDecoder(bytes.NewReader(f.Picture.SVG()))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if e, ok := token.(xml.StartElement); ok && (e.Name.Local == "script" || e.Name.Local == "img") {
				t.Errorf("%s has a %s", f.Name, e.Name.Local)
			}
		}
	}
	b.Reset()
	if err := Hostile().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	outside := b.String()
	if i, j := strings.Index(outside, "\n```"), strings.LastIndex(outside, "```\n"); i >= 0 && j > i {
		outside = outside[:i] + outside[j:]
	}
	for _, bad := range []string{"<script", "<img", "](javascript", "\x1b", "\u202e", "\n# ["} {
		if strings.Contains(outside, bad) {
			t.Errorf("the block has %q:\n%s", bad, outside)
		}
	}
	for _, row := range strings.Split(outside, "\n") {
		if strings.HasPrefix(row, "| ") && strings.Count(strings.ReplaceAll(row, `\|`, ""), "|") != 8 && strings.Contains(row, "surely") {
			t.Errorf("a row with another number of cells: %s", row)
		}
	}
}

// TestMapOfAll has the map of each architecture: every block is on it once.
func TestMapOfAll(t *testing.T) {
	for _, arch := range append(block.Archs(), "sd3-24", "auto:layers*26+cap_embedder") {
		l, err := block.Default(arch)
		if err != nil {
			t.Fatal(err)
		}
		p := &View{Arch: arch, layout: l}
		v := 0.9
		for i, name := range l.Names() {
			if i%5 != 3 { // which was not searched
				p.Blocks = append(p.Blocks, Block{Name: name, Achieved: &v, Ceiling: 1})
			}
		}
		f := p.Figures()[0]
		if f.Picture == nil {
			t.Fatalf("%s: %s", arch, f.Absent)
		}
		text := string(f.Picture.SVG())
		for _, name := range l.Names() {
			if n := strings.Count(text, `data-of="box `+name+`"`); n != 1 {
				t.Errorf("%s: %s is on the map %d times", arch, name, n)
			}
		}
		if isUNet(p) != strings.HasPrefix(string(arch), "sd1") && arch != block.SD2 && arch != block.SDXL && arch != block.Refiner {
			t.Errorf("%s as a UNet: %v", arch, isUNet(p))
		}
	}
}

// WriteHostile writes the hostile page to a file, for the browser's tests.
func WriteHostile(path string) error {
	var b bytes.Buffer
	if err := Hostile().HTML(&b); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
