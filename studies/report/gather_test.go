package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/studies"
	"mixmatch/studies/demo"
	"mixmatch/studies/report"
)

var folder string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "mixmatch-report-")
	if err != nil {
		panic(err)
	}
	folder = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// family writes the demonstration's models, small, once.
var family = sync.OnceValues(func() (demo.Planted, error) {
	return demo.Write(context.Background(), filepath.Join(folder, "m"), demo.Family{Div: 40, Seed: 1, Decoys: true}, nil)
})

// newStudy begins a study of the demonstration's target with some of its sources; none
// for all.
func newStudy(t *testing.T, dir string, plan studies.Plan, some ...string) *studies.Study {
	t.Helper()
	p, err := family()
	if err != nil {
		t.Fatal(err)
	}
	open := func(name, path string) *studies.Given {
		m, err := merge.OpenModel(name, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return studies.FileOf(m)
	}
	c := studies.Config{Target: open(recipe.NameOf(p.Target), p.Target), Base: open(recipe.NameOf(p.Base), p.Base), Plan: plan}
	for _, s := range p.Sources {
		if len(some) == 0 || slices.Contains(some, s.Name) {
			c.Sources = append(c.Sources, open(s.Name, s.Path))
		}
	}
	s, err := studies.Create(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var plan = studies.Plan{Sampler: "cmaes", Trials: 12, Polish: 60, Seed: 1}

func run(t *testing.T, s *studies.Study) {
	t.Helper()
	if _, err := s.Run(t.Context(), studies.Options{}); err != nil {
		t.Fatal(err)
	}
}

var day = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)

func gather(t *testing.T, dir string) *report.View {
	t.Helper()
	p, err := report.Gather(t.Context(), dir, report.Options{Date: day})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func html(t *testing.T, p *report.View) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares text with a file of testdata; -update rewrites it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// TestGolden has the whole page, and the block for model cards, of a small study.
func TestGolden(t *testing.T) {
	small := plan
	small.Groups = []block.Group{block.Base, block.Inputs}
	dir := filepath.Join(t.TempDir(), "s")
	run(t, newStudy(t, dir, small, "OpenBra", "dreamshaper_6NoVae", "anylora_v1"))
	p := gather(t, dir)
	text := html(t, p)
	golden(t, "page.html", text)
	var b bytes.Buffer
	if err := p.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "page.md", b.String())
	alone(t, text)
}

// alone fails unless a page loads nothing and leads nowhere.
func alone(t *testing.T, text string) {
	t.Helper()
	for _, bad := range []string{`(?i)https?://`, `(?i)@import`, `url\(`, `(?i)<(iframe|object|embed|form|base|img|audio|video|source)\b`} {
		if s := regexp.MustCompile(bad).FindString(text); s != "" {
			t.Errorf("the page has %q", s)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if m[1] != "data:," && !strings.HasPrefix(m[1], "#") {
			t.Errorf("the page leads to %q", m[1])
		}
	}
}

// TestAll has the study of the article's recipe: every picture is there, and each has its
// numbers.
func TestAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	run(t, newStudy(t, dir, plan))
	p := gather(t, dir)
	text := html(t, p)
	alone(t, text)
	for _, f := range p.Figures() {
		switch {
		case f.Name == "values":
			if f.Picture != nil || f.Absent != "no LoRA was seen" {
				t.Errorf("values: %q", f.Absent)
			}
		case f.Picture == nil || f.Absent != "":
			t.Errorf("%s is absent: %s", f.Name, f.Absent)
		case len(f.Table.Rows) == 0 || f.Caption == "" || f.Picture.Desc == "":
			t.Errorf("%s has no numbers or no words", f.Name)
		}
		for _, row := range f.Table.Rows {
			if len(row) != len(f.Table.Head) {
				t.Errorf("%s: a row of %d cells, and %d in the head", f.Name, len(row), len(f.Table.Head))
			}
		}
	}
	for _, d := range p.Formats {
		if (d.Text == "") == (d.Why == "") {
			t.Errorf("%s has a text of %d bytes, and %q", d.Name, len(d.Text), d.Why)
		}
	}
	if len(text) > 1<<20 {
		t.Errorf("%d bytes", len(text))
	}
	names, pictures := p.Pictures()
	if len(names) < 15 || len(names) != len(pictures) || names[0] != "map-similarity" {
		t.Errorf("pictures %v", names)
	}
	for i, q := range pictures {
		if q.Title == "" || q.Desc == "" || bytes.Contains(q.SVG(), []byte("NaN")) {
			t.Errorf("%s has no title, or no number", names[i])
		}
	}
	// What is missing sums up to all that is left, and the target is most like OpenBra.
	sum := 0.0
	for _, row := range p.Left.Cells {
		for _, c := range row {
			if c != nil {
				sum += c.Part
			}
		}
	}
	if sum < 0.999999 || sum > 1.000001 {
		t.Errorf("the parts of what is left sum to %v", sum)
	}
	last := p.Alike.Cosines[len(p.Alike.Cosines)-1]
	best := 0
	for i := range len(last) - 1 {
		if *last[i] > *last[best] {
			best = i
		}
	}
	if p.Alike.Names[best] != "OpenBra" || p.Alike.From != "v1-5-pruned-emaonly" {
		t.Errorf("most like %s, from %s", p.Alike.Names[best], p.Alike.From)
	}
}

// TestUnfinished has a study at every stage before its end.
func TestUnfinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := newStudy(t, dir, plan, "OpenBra", "sxd_10Pruned")
	p := gather(t, dir)
	if p.Finished || !strings.HasPrefix(p.Headline, "not finished: the models have not been read") || len(p.Sources) != 3 || len(p.Files) != 4 {
		t.Errorf("before anything: %+v", p)
	}
	if text := html(t, p); !strings.Contains(text, "there is nothing of it in the study yet") {
		t.Error("what is left out is not said")
	}
	run(t, s)
	finished := gather(t, dir)
	for _, name := range []string{"summary.json", "best.txt", "readings.json"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"IN03", "OUT11"} {
		if err := os.Remove(filepath.Join(dir, "journal", name+".jsonl")); err != nil {
			t.Fatal(err)
		}
	}
	p = gather(t, dir)
	if p.Finished || !strings.Contains(p.Headline, "24 of 26 blocks") || p.Recipe != "" || len(p.Formats) != 0 {
		t.Errorf("while it is searched: %q", p.Headline)
	}
	text := html(t, p)
	for _, want := range []string{"not finished", "there is no recipe before the searches are done", "a LoRA is looked for when the searches are done"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for i, b := range p.Blocks {
		done := b.Name != "IN03" && b.Name != "OUT11"
		if (b.Achieved != nil) != done || len(b.Weights) == 0 || !done {
			if (b.Achieved != nil) != done || len(b.Weights) == 0 {
				t.Errorf("%s: %+v", b.Name, b)
			}
			continue
		}
		if f := finished.Blocks[i]; f.Name != b.Name || *b.Achieved < *f.Achieved-1e-6 {
			t.Errorf("%s: %v so far, and %s %v in the end", b.Name, *b.Achieved, f.Name, *f.Achieved)
		}
	}
	// A result whose products are gone says so.
	run(t, s)
	if err := os.Remove(filepath.Join(dir, "products.bin")); err != nil {
		t.Fatal(err)
	}
	p = gather(t, dir)
	if !p.Finished || p.Left != nil || !strings.Contains(html(t, p), "products are gone") {
		t.Error("without products")
	}
}

func TestGatherErrors(t *testing.T) {
	if _, err := report.Gather(t.Context(), t.TempDir(), report.Options{}); !errors.Is(err, studies.ErrMissing) {
		t.Errorf("no study: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "s")
	run(t, newStudy(t, dir, plan, "OpenBra"))
	for _, name := range []string{"journal/IN03.jsonl", "products.bin", "summary.json"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(text)
		bad[len(bad)/2] ^= 1
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := report.Gather(t.Context(), dir, report.Options{}); !errors.Is(err, studies.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSize has a study of 100,000 trials, those of one search each better than all
// before it: the page stays small, and the best so far is drawn to its end.
func TestSize(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	run(t, newStudy(t, dir, plan))
	before := len(html(t, gather(t, dir)))
	entries, err := os.ReadDir(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	each := 100_000 / len(entries)
	for k, e := range entries {
		var b bytes.Buffer
		for n := range each + 1 {
			v := 0.5 / float64(n+1)
			if k > 0 {
				v = 0.1 + float64((n*7919+k)%1000)/1e4
			}
			line := fmt.Sprintf(`{"trial":%d,"by":"cmaes","x":[0.25,0.125,0.5,0.75],"value":%s`, n, number(v))
			fmt.Fprintf(&b, "%s,\"crc32\":\"%08x\"}\n", line, crc32.ChecksumIEEE([]byte(line+"}")))
		}
		if err := os.WriteFile(filepath.Join(dir, "journal", e.Name()), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := gather(t, dir)
	text := html(t, p)
	trials := 0
	for i, s := range p.Searches {
		trials += s.Trials
		if len(s.Spans) > 100 || s.Spans[0].From != 0 || s.Spans[len(s.Spans)-1].To != each {
			t.Errorf("%s: %d spans to %d", s.Name, len(s.Spans), s.Spans[len(s.Spans)-1].To)
		}
		if i == 0 && (len(s.Best) != each+1 || s.Best[each].Trial != each) {
			t.Errorf("%s: %d best", s.Name, len(s.Best))
		}
	}
	t.Logf("%d trials: %d bytes; %d with few", trials, len(text), before)
	if trials < 100_000 || len(text) > 3<<20 {
		t.Errorf("%d trials, %d bytes", trials, len(text))
	}
}

func number(v float64) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
