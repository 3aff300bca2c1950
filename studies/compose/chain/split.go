package chain

import (
	"slices"

	"mixmatch/merge/recipe"
)

// usual are ratios that people give a model when they mix it in once more.
var usual = []float64{0.02, 0.03, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7}

// split yields the chains in which a model is mixed in once more, by a usual
// ratio, in those blocks where the numbers become shorter by it.
func (t *part) split(x *solved, yield func(structure) bool) bool {
	if len(x.steps) > manySteps {
		return true
	}
	before := t.lengths(x.structure)
	for k, m := range x.steps {
		if m.how != whole || m.mode == recipe.TripleSum {
			continue
		}
		for at := k + 1; at <= len(x.steps); at++ {
			for _, v := range usual {
				s := x.clone()
				more := step{mode: recipe.WeightSum, b: m.b, c: -1, how: given, given: slices.Repeat([]float64{v}, t.blocks())}
				s.steps = slices.Insert(s.steps, at, more)
				after := t.lengths(s)
				gain := 0.0
				for b := range more.given {
					if d := before[b] - after[b]; d > 0 {
						gain += d
					} else {
						more.given[b] = 0
					}
				}
				if gain > 4 && !yield(s) {
					return false
				}
			}
		}
	}
	return true
}

// lengths returns, for each block, the bits of the numbers that the chain's
// ratios would be for this block alone.
func (t *part) lengths(s structure) []float64 {
	bits := make([]float64, t.blocks())
	r := t.whole()
	for k := len(s.steps) - 1; k >= 0; k-- {
		x := s.steps[k]
		var rows [2]typedRow
		for n, i := range x.models() {
			rows[n].numbers = x.given
			if x.how == given {
				continue
			}
			e := t.estimates(r, s, k, i)
			if x.how == closing {
				e = t.closings(r, s, k)
			}
			rows[n].numbers = make([]float64, len(e))
			for b, q := range e {
				if q.allows(0, ownTolerance) {
					continue
				}
				v, c := shortest(q.value-float64(ownTolerance*q.se), q.value+float64(ownTolerance*q.se), q.value)
				rows[n].numbers[b], bits[b] = v, bits[b]+c
			}
		}
		t.undo(r, x, rows[0], rows[1])
	}
	for b := range bits { // what the first model's weight does not agree with
		if i := s.first*t.blocks() + b; !t.nothing(r.u[i]-r.mass[b], b) {
			bits[b] = far
		}
	}
	return bits
}
