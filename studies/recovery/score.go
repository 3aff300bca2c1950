package recovery

import (
	"math"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A Score compares what studies said with the truth. Scores of repeats add up.
type Score struct {
	N       int
	Sources Count // models said to be in the mix
	Cells   Count // the same in each block

	Worst, sum float64 // error of the weights
	weights    int

	Bars, In1, In3 int // weights printed with an error; those whose truth lies within one, and three

	Missing []float64 // relative errors of the weight of what is missing

	Verdicts      int // right ones
	Ranked, Ranks int // LoRAs, and those whose rank is right
	Ratios, Typed int // ratios planted as people type them, and those found as they were typed

	Seconds float64
}

// A Count is right and wrong answers to whether something is there.
type Count struct{ Both, Said, True int }

func (c *Count) add(said, is bool) {
	c.Said += one(said)
	c.True += one(is)
	c.Both += one(said && is)
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Precision is the share of what was said that is true.
func (c Count) Precision() float64 { return float64(c.Both) / float64(c.Said) }

// Recall is the share of what is true that was said.
func (c Count) Recall() float64 { return float64(c.Both) / float64(c.True) }

// Mean returns the mean error of the weights.
func (s *Score) Mean() float64 { return s.sum / float64(s.weights) }

// count adds what a study found of p. The base is left out: its weight is what the
// others leave of 1. So are models in blocks where another one is the same.
func (s *Score) count(p *planted, w *written, f *found) {
	s.N++
	truth, l := p.truth(), p.recipe.Layout
	for _, name := range p.offered {
		if name == p.neutral {
			continue
		}
		is, tellable := false, false
		for id := range l.Blocks().All() {
			if w.twin(id, name) {
				continue
			}
			tellable = true
			is = is || truth[name][id] != 0
			s.cell(truth[name][id], f.weights[l.Name(id)][name])
		}
		if tellable {
			s.Sources.add(f.names(name), is)
		}
	}
	s.Verdicts += one(p.want.met(f.verdict))
	if m := p.missing(); !math.IsNaN(m) && f.missing > 0 {
		s.Missing = append(s.Missing, math.Abs(f.missing-m)/m)
	}
	if p.rank > 0 && f.rank > 0 {
		s.Ranked++
		s.Ranks += one(f.rank == p.rank)
	}
	if p.typed {
		s.steps(p.recipe, f.recipe, w)
	}
}

// cell compares one weight with the truth, which may be NaN: in the mix, but not
// with any weight.
func (s *Score) cell(truth float64, c cell) {
	s.Cells.add(c.in, truth != 0)
	if math.IsNaN(truth) || truth == 0 && c.weight == 0 {
		return
	}
	e := math.Abs(c.weight - truth)
	s.Worst = max(s.Worst, e)
	s.sum += e
	s.weights++
	if c.bar > 0 && !c.vague {
		s.Bars++
		s.In1 += one(e <= c.bar)
		s.In3 += one(e <= 3*c.bar)
	}
}

// steps looks for the ratios that were typed in the recipe found: in the step that
// brings in the same model the same way. The first two models may have changed
// places, and the ratio of their weight sum is then what is left of 1.
func (s *Score) steps(typed, found *recipe.Recipe, w *written) {
	first := typed.Steps[0].A
	for i, t := range typed.Steps {
		for id := range typed.Layout.Blocks().All() {
			a := t.Alpha[id].Value
			if a == 0 || w.twin(id, t.B) {
				continue
			}
			s.Typed++
			ok := stands(found, id, t.Mode, t.B, a)
			if i == 0 && t.Mode == recipe.WeightSum && !ok {
				ok = found.Steps[0].A == t.B && stands(found, id, t.Mode, first, 1-a)
			}
			s.Ratios += one(ok)
		}
	}
}

// stands reports whether r brings in the model called name with the ratio given.
func stands(r *recipe.Recipe, id block.ID, m recipe.Mode, name string, ratio float64) bool {
	for _, q := range r.Steps {
		if q.Mode == m && q.B == name && math.Abs(q.Alpha[id].Value-ratio) < 1e-9 {
			return true
		}
	}
	return false
}
