package recovery

import (
	"math"
	"slices"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

func layout(t *testing.T) *block.Layout {
	t.Helper()
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// plain plants a mix without files.
func plain(t *testing.T, seed uint64) (*planted, *written) {
	t.Helper()
	d := draw{Rand: source(seed, "test"), seed: seed, layout: layout(t)}
	p := d.mix(loose(seed, 14), 4)
	w := &written{}
	for range d.layout.Len() {
		sums := map[string]uint64{}
		for i, name := range p.offered {
			sums[name] = uint64(i)
		}
		w.alike = append(w.alike, sums)
	}
	return p, w
}

// answer is what a study would say that knows the truth.
func answer(p *planted) *found {
	f := &found{verdict: similarity.Exact, weights: map[string]map[string]cell{}, recipe: p.recipe}
	all := p.truth()
	for id := range p.recipe.Layout.Blocks().All() {
		cells := map[string]cell{}
		for _, name := range p.offered {
			if w := all[name][id]; w != 0 {
				cells[name] = cell{weight: w + 0.01, bar: 0.02, in: true}
			}
		}
		f.weights[p.recipe.Layout.Name(id)] = cells
	}
	for _, name := range p.offered {
		if slices.ContainsFunc(all[name], func(w float64) bool { return w != 0 }) {
			f.sources = append(f.sources, name)
		}
	}
	return f
}

// TestScore counts an answer that is right, and then one that is less so.
func TestScore(t *testing.T) {
	p, w := plain(t, 1)
	f := answer(p)
	s := &Score{}
	s.count(p, w, f)
	for name, v := range map[string]float64{
		"precision": s.Sources.Precision(), "recall": s.Sources.Recall(),
		"cell precision": s.Cells.Precision(), "cell recall": s.Cells.Recall(),
		"in bars": float64(s.In1) / float64(s.Bars), "as typed": float64(s.Ratios) / float64(s.Typed),
		"verdict": float64(s.Verdicts), "error": s.Worst + 0.99,
	} {
		if math.Abs(v-1) > 1e-9 {
			t.Errorf("%s is %v; want 1", name, v)
		}
	}

	decoy := without(p.offered, f.sources...)[0]
	f.sources[0] = decoy
	f.weights["IN04"][decoy] = cell{weight: 0.05, bar: 0.02, in: true}
	f.verdict = similarity.Missing
	s = &Score{}
	s.count(p, w, f)
	if s.Sources != (Count{Both: 3, Said: 4, True: 4}) {
		t.Errorf("sources: %+v", s.Sources)
	}
	if s.Cells.Said != s.Cells.Both+1 || s.In3 != s.Bars || s.In1 != s.Bars-1 || s.Verdicts != 0 {
		t.Errorf("a decoy in one block: %+v", s)
	}
}

// TestExchange checks that the first two models may change places.
func TestExchange(t *testing.T) {
	l := layout(t)
	planted, err := recipe.Parse(l, "A x 0.7 + B x 0.3 = T\nT + (C - v1-5) x 0.2 = R", recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		text string
		want int // steps
	}{
		{"A x 0.7 + B x 0.3 = T\nT + (C - v1-5) x 0.2 = R", 2},
		{"B x 0.3 + A x 0.7 = T\nT + (C - v1-5) x 0.2 = R", 2},
		{"B x 0.3 + A x 0.7 = T\nT x 0.8 + C x 0.2 = R", 1},
		{"C x 0.3 + A x 0.7 = T\nT + (B - v1-5) x 0.3 = R", 0},
	} {
		r, err := recipe.Parse(l, tt.text, recipe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, w := &Score{}, &written{alike: make([]map[string]uint64, l.Len())}
		s.steps(planted, r, w)
		if s.Typed != 2*l.Len() || s.Ratios != tt.want*l.Len() {
			t.Errorf("%q: %d of %d as typed; want %d steps", tt.text, s.Ratios, s.Typed, tt.want)
		}
	}
}

// TestMissing checks the weight of what is not offered.
func TestMissing(t *testing.T) {
	d := draw{Rand: source(1, "test"), seed: 1, layout: layout(t)}
	for _, m := range amounts {
		if got := d.fromClusters(m).missing(); math.Abs(got-m) > 1e-12 {
			t.Errorf("%v is missing; want %v", got, m)
		}
	}
	if got := d.fromClusters(0).missing(); !math.IsNaN(got) {
		t.Errorf("%v is missing of a mix whose models are all offered", got)
	}
}
