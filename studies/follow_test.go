package studies_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mixmatch/merge/recipe"
	"mixmatch/studies"
)

// TestFollow reads journals line by line as they grow, half lines among them, and
// finds what the study has found.
func TestFollow(t *testing.T) {
	p := family(t, "")
	dir := filepath.Join(t.TempDir(), "s")
	if _, err := studies.Follow(dir); !errors.Is(err, studies.ErrMissing) {
		t.Errorf("no study: %v", err)
	}
	s := create(t, dir, p, settings)
	if !studies.Running(dir) {
		t.Error("a study that is open does not run")
	}
	if _, err := studies.ReadSums(t.Context(), dir); !errors.Is(err, studies.ErrPending) {
		t.Errorf("sums before anything was read: %v", err)
	}
	if _, ok := studies.Settled(dir); ok {
		t.Error("settled before it ran")
	}
	sum := run(t, s, studies.Options{})
	s.Close()
	if studies.Running(dir) {
		t.Error("a study that is closed runs")
	}
	if _, ok := studies.Settled(dir); !ok {
		t.Error("not settled after it ran")
	}

	sums, err := studies.ReadSums(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := sum.Parse()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range sum.Groups {
		for _, b := range g.Blocks {
			id, _ := printed.Layout.Index(b.Name)
			w := make([]float64, len(sums.Blocks.Names))
			for i, v := range printed.Program().Weights(printed.Column(id)) {
				w[slices.Index(sums.Blocks.Names, printed.Program().Names()[i])] += v
			}
			if v, err := sums.Blocks.Score(id, w); err != nil || v != b.Achieved {
				t.Errorf("%s: %v (%v), and the summary says %v", b.Name, v, err, b.Achieved)
			}
		}
	}
	if of := sums.Searched("IN01"); len(of) != 1 || len(sums.Positions("IN01")) != len(sums.Recipe.Holes(of[0])) {
		t.Errorf("IN01 is a search of %v, positions %v", of, sums.Positions("IN01"))
	}

	// A copy that grows.
	journal := filepath.Join(dir, "journal", "IN01.jsonl")
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	f, err := studies.Follow(dir)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	whole := func() (n int) {
		news, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range news {
			if m.Search == "IN01" {
				n += len(m.Trials)
			}
		}
		return n
	}
	for _, cut := range []int{0, 10, len(text) / 2, len(text)/2 + 1, len(text)} {
		if err := os.WriteFile(journal, text[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		total += whole()
	}
	if want := settings.Trials + 1; total < want || total > want+1 {
		t.Errorf("%d trials followed, want %d and a polish", total, want)
	}
	if n := whole(); n != 0 {
		t.Errorf("%d trials are told twice", n)
	}
	if err := os.WriteFile(journal, text[:len(text)/3], 0o666); err != nil {
		t.Fatal(err)
	}
	news, err := f.Next()
	if err != nil || len(news) != 1 || !news[0].Anew || len(news[0].Trials) == 0 {
		t.Errorf("a journal begun anew: %v, %v", news, err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(journal, text, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(); !errors.Is(err, studies.ErrDamaged) {
		t.Errorf("a damaged journal: %v", err)
	}
	if !slices.Contains(f.Names(), "IN01") {
		t.Errorf("followed %v", f.Names())
	}
}

// TestSearchOf knows of each hole which search finds it, where blocks share some.
func TestSearchOf(t *testing.T) {
	p := family(t, "")
	dir := filepath.Join(t.TempDir(), "s")
	plan := settings
	plan.Trials, plan.Polish = 1, 1
	plan.Template = "OpenBra + (Evt_V4_e04_ema - " + recipe.NameOf(p.Base) + ") x ? = A\nA x (1-alpha) + sxd_10Pruned x alpha = B\n" +
		"alpha = (0,?,?all,?,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0)"
	run(t, create(t, dir, p, plan), studies.Options{NoSimilar: true})
	sums, err := studies.ReadSums(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		block string
		pos   int
		want  string
	}{{"IN00", 0, "group-inputs"}, {"IN00", 1, "IN00"}, {"IN01", 1, "group-inputs"}, {"BASE", 1, ""}, {"OUT00", 0, "group-outputs"}} {
		id, _ := sums.Blocks.Layout.Index(c.block)
		if got := sums.SearchOf(id, c.pos); got != c.want {
			t.Errorf("%s, position %d: search %q, want %q", c.block, c.pos, got, c.want)
		}
	}
	if got := sums.Positions("group-inputs"); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("positions %v of the inputs' search, want 0 and 1", got)
	}
}
