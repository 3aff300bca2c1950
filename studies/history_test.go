package studies_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/optimize"
	"mixmatch/studies"
)

// TestLook has what a study's products and journals tell without a lock: while it runs,
// and when it is done.
func TestLook(t *testing.T) {
	p := family(t, block.SM2025)
	plan := settings
	plan.Trials = 5
	dir := filepath.Join(t.TempDir(), "s")
	s := create(t, dir, p, plan, "sxd_10Pruned")
	none := func(string, optimize.Trial) error { return errors.New("a trial before the first") }
	if err := studies.EachTrial(t.Context(), dir, none, nil); err != nil {
		t.Error(err)
	}
	if _, err := studies.LookAt(t.Context(), dir); !errors.Is(err, studies.ErrPending) {
		t.Errorf("nothing was read yet: %v", err)
	}
	sum := run(t, s, studies.Options{})
	l, err := studies.LookAt(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if l.Base != 0 || len(l.IDs) != 26 || l.Proof.Exact || len(l.Gram.Names) != len(l.Plan.Sources) {
		t.Errorf("base %d, %d blocks, exact %v", l.Base, len(l.IDs), l.Proof.Exact)
	}
	// The distance of a mix in a block is that in its tensors.
	of := map[string]int{}
	for i, q := range l.Gram.Tensors {
		of[q.Key] = i
	}
	for _, id := range l.IDs {
		w := l.Proof.Blocks[id].Weights
		d := 0.0
		for _, key := range l.Blocks.Keys(id) {
			d += l.Gram.Tensors[of[key]].Distance(w)
		}
		if want := l.Blocks.Distance(id, w); math.Abs(d-want) > 1e-9*want {
			t.Errorf("%s: %v in its tensors, and %v in all", l.Blocks.Layout.Name(id), d, want)
		}
	}
	best := map[string]float64{}
	trials := 0
	count := func(search string, t optimize.Trial) error {
		if v, ok := best[search]; !ok || t.Value < v {
			best[search] = t.Value
		}
		trials++
		return nil
	}
	if err := studies.EachTrial(t.Context(), dir, count, nil); err != nil {
		t.Fatal(err)
	}
	if trials != sum.Trials {
		t.Errorf("%d trials; the summary has %d", trials, sum.Trials)
	}
	for _, g := range sum.Groups {
		for _, b := range g.Blocks {
			if v, ok := best[b.Name]; ok && 1-v != *b.Searched {
				t.Errorf("%s: %v; the summary has %v", b.Name, 1-v, *b.Searched)
			}
		}
	}
	// A line that is being written is left; any other damage is told.
	path := filepath.Join(dir, "journal", "IN04.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for tail, want := range map[string]error{`{"trial":`: nil, "x": studies.ErrDamaged, "{}\n": studies.ErrDamaged, "x\n": studies.ErrDamaged} {
		if err := os.WriteFile(path, append(text[:len(text):len(text)], tail...), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := studies.EachTrial(t.Context(), dir, count, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v", tail, err)
		}
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	if err := studies.EachTrial(t.Context(), dir, func(string, optimize.Trial) error { return stop }, nil); !errors.Is(err, stop) {
		t.Errorf("an error of the caller's: %v", err)
	}
	// It hears of an interrupt while it reads, and tells how far it is.
	ctx, cancel := context.WithCancel(t.Context())
	searches := map[string]bool{}
	halfway := func(search string, _ optimize.Trial) error {
		searches[search] = true
		cancel()
		return nil
	}
	if err := studies.EachTrial(ctx, dir, halfway, nil); !errors.Is(err, context.Canceled) || len(searches) != 1 {
		t.Errorf("interrupted after %d searches: %v", len(searches), err)
	}
	var done, total int64
	if err := studies.EachTrial(t.Context(), dir, count, func(d, all int64) {
		if d < done || all < d {
			t.Errorf("%d of %d, after %d", d, all, done)
		}
		done, total = d, all
	}); err != nil || done != total || total == 0 {
		t.Errorf("%d of %d bytes read: %v", done, total, err)
	}
}
