package identify

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
)

// A score is how well results agree with what was planted.
type score struct {
	said, right, there int // sources said to be in it, those that are, and those that are and are in the library
	cells, within      int // weights of sources in blocks, and those that are between their limits
	worst              float64
	missing            []float64 // weights said for what is missing, relative errors
	verdicts           int       // right ones
	mixes              int
}

func (s *score) add(w *world, p *planted, r *Result) {
	s.mixes++
	gone, total := 0.0, 0.0
	for b := range w.sections {
		total += float64(w.sections[b].Len)
		for k, i := range p.sources {
			if w.without[i] {
				gone += p.weights[k][b] * float64(w.sections[b].Len)
			}
		}
	}
	for _, i := range p.sources {
		if !w.without[i] {
			s.there++
		}
	}
	if (gone == 0) == (r.Verdict == similarity.Exact) {
		s.verdicts++
	}
	if gone > 0 {
		said := 0.0
		if r.Missing != nil {
			said = r.Missing.Weight
		}
		s.missing = append(s.missing, math.Abs(said*total/gone-1))
	}
	in := map[string]int{} // sources said to be in it, and which record they are
	for _, q := range r.Sources {
		if q.Evidence != similarity.In {
			continue
		}
		var i int
		if _, err := fmt.Sscanf(q.Content, "%x", &i); err != nil {
			panic(err)
		}
		in[q.Name] = i
		s.said++
		if slices.Contains(p.sources, i) {
			s.right++
		}
	}
	for _, b := range r.Blocks {
		at := slices.IndexFunc(w.sections, func(s fingerprint.Section) bool { return s.Name == b.Name })
		for _, v := range b.Weights {
			i, ok := in[v.Source]
			if !ok || v.Vague {
				continue
			}
			truth := 0.0
			if k := slices.Index(p.sources, i); k >= 0 {
				truth = p.weights[k][at]
			}
			s.cells++
			s.worst = max(s.worst, math.Abs(v.Weight-truth))
			if v.Low-1e-12 <= truth && truth <= v.High+1e-12 {
				s.within++
			}
		}
	}
}

func (s *score) precision() float64 { return ratio(s.right, s.said) }
func (s *score) recall() float64    { return ratio(s.right, s.there) }
func (s *score) coverage() float64  { return ratio(s.within, s.cells) }

// off is the median relative error of the weight of what is missing.
func (s *score) off() float64 {
	if len(s.missing) == 0 {
		return math.NaN()
	}
	slices.Sort(s.missing)
	return s.missing[len(s.missing)/2]
}

func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

func find(t *testing.T, w *world, p *planted, o Options) *Result {
	t.Helper()
	r, err := Find(t.Context(), p.target, w, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// many returns how many mixes to plant.
func many(few, more int) int {
	switch {
	case *mixes > 0:
		return *mixes
	case testing.Short():
		return few
	}
	return more
}

// TestRecipes plants recipes of three to seven sources among 200 records.
func TestRecipes(t *testing.T) {
	w := newWorld(t, 1, 200)
	var s score
	for k := range many(3, 12) {
		p := w.plant(k, 3+k%5, 0, 0)
		o := Options{}
		if k%3 == 1 {
			o.Base = w.fingerprint(0)
		}
		s.add(w, p, find(t, w, p, o))
	}
	t.Logf("%d mixes: precision %.3f, recall %.3f, largest error of a weight %.5f, within the errors %.3f of %d", s.mixes, s.precision(), s.recall(), s.worst, s.coverage(), s.cells)
	if s.precision() < 1 || s.recall() < 1 || s.worst > 0.002 || s.coverage() < 0.93 || s.verdicts < s.mixes {
		t.Errorf("of %d mixes %d have the right verdict", s.mixes, s.verdicts)
	}
}

// TestAbsent withholds a source of 15 %, and all that was made from it.
func TestAbsent(t *testing.T) {
	for _, base := range []bool{false, true} {
		w := newWorld(t, 1, 200)
		var s score
		for k := range many(2, 10) {
			p := w.plant(k, 3+k%5, 1, 0.15)
			clear(w.without)
			w.withhold(p.sources[len(p.sources)-1])
			o := Options{}
			if base {
				o.Base = w.fingerprint(0)
			}
			s.add(w, p, find(t, w, p, o))
		}
		t.Logf("base %v: precision %.3f, recall %.3f, within the errors %.3f, missing off by %.3f of it", base, s.precision(), s.recall(), s.coverage(), s.missing)
		if s.precision() < 0.9 || s.recall() < 0.85 || s.coverage() < 0.93 || s.off() > 0.2 || s.verdicts < s.mixes {
			t.Errorf("of %d mixes %d have the right verdict", s.mixes, s.verdicts)
		}
	}
}

// TestScreened plants recipes among more records than are read.
func TestScreened(t *testing.T) {
	w := newWorld(t, 2, 1500)
	var s score
	for k := range many(2, 5) {
		p := w.plant(k, 5, 0, 0)
		o := Options{hold: 700 * (k % 2)} // half of the time the other records are read anew
		r := find(t, w, p, o)
		if s.add(w, p, r); r.Library.Read > 1200 || r.Library.Others == 0 || r.Library.Records+r.Library.Others != w.n {
			t.Errorf("%+v", r.Library)
		}
	}
	if s.precision() < 1 || s.recall() < 1 || s.verdicts < s.mixes {
		t.Errorf("precision %.3f, recall %.3f, %d of %d verdicts", s.precision(), s.recall(), s.verdicts, s.mixes)
	}
}
