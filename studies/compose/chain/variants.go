package chain

import (
	"iter"
	"slices"

	"mixmatch/merge/recipe"
)

// variants returns the chains that differ from x in one respect.
func (t *part) variants(x *solved) iter.Seq[structure] {
	return func(yield func(structure) bool) {
		_ = t.moved(x, yield) &&
			t.exchanged(x, yield) &&
			t.changed(x, yield) &&
			t.twice(x, yield) &&
			t.split(x, yield)
	}
}

// manySteps is the length from which on steps change places with their
// neighbours only.
const manySteps = 12

// moved yields the chains with one step in another place.
func (t *part) moved(x *solved, yield func(structure) bool) bool {
	for i := range x.steps {
		for j := range x.steps {
			if i == j || j == i-1 || len(x.steps) > manySteps && j != i+1 {
				continue
			}
			s := x.clone()
			m := s.steps[i]
			s.steps = slices.Insert(slices.Delete(s.steps, i, i+1), j, m)
			if s.ordered() && !yield(s) {
				return false
			}
		}
	}
	return true
}

// exchanged yields the chains in which the first model has changed places with
// one that is added as a difference. Where the first is mixed with the base, it
// is its difference to the base that counts, as for the other.
func (t *part) exchanged(x *solved, yield func(structure) bool) bool {
	for k, m := range x.steps {
		if m.mode != recipe.AddDifference || m.how != whole || m.c == x.first {
			continue
		}
		s := x.clone()
		s.first, s.steps[k].b = m.b, x.first
		if s.ordered() && !yield(s) {
			return false
		}
	}
	return true
}

// ordered reports whether each model is brought in whole by the first of the
// steps that bring it in: the ratios of the others do not depend on its weight.
func (s structure) ordered() bool {
	for k, x := range s.steps {
		if x.how != whole {
			continue
		}
		for _, i := range x.models() {
			if slices.ContainsFunc(s.steps[:k], func(y step) bool { return y.brings(i) }) {
				return false
			}
		}
	}
	return true
}

// changed yields the chains with one step of another mode, or that subtracts
// another model.
func (t *part) changed(x *solved, yield func(structure) bool) bool {
	for k, m := range x.steps {
		if m.mode == recipe.TripleSum {
			s := x.clone()
			s.steps[k] = step{mode: recipe.WeightSum, b: m.b, c: -1}
			s.steps = slices.Insert(s.steps, k, step{mode: recipe.WeightSum, b: m.c, c: -1})
			if !yield(s) {
				return false
			}
			continue
		}
		if m.how != whole {
			continue
		}
		if m.mode == recipe.AddDifference {
			s := x.clone()
			s.steps[k].mode, s.steps[k].c = recipe.WeightSum, -1
			if !yield(s) {
				return false
			}
		}
		for c := range t.models {
			if c == m.b || c == m.c || len(x.steps) > manySteps && c != t.base {
				continue
			}
			s := x.clone()
			s.steps[k].mode, s.steps[k].c = recipe.AddDifference, c
			if !yield(s) {
				return false
			}
		}
		if k > 0 && m.mode == recipe.WeightSum && x.steps[k-1].mode == recipe.WeightSum && x.steps[k-1].how == whole {
			s := x.clone()
			s.steps[k-1] = step{mode: recipe.TripleSum, b: x.steps[k-1].b, c: m.b}
			s.steps = slices.Delete(s.steps, k, k+1)
			if !yield(s) {
				return false
			}
		}
	}
	return true
}

// twice yields the chains in which a model that is added in one step is mixed in
// by a weight sum after it, too. How much follows from the first model's weight.
// It takes the place of a weight sum of the base, which else makes up for it.
func (t *part) twice(x *solved, yield func(structure) bool) bool {
	for k, m := range x.steps {
		if m.mode != recipe.AddDifference {
			continue
		}
		for drop := -1; drop < len(x.steps); drop++ {
			if drop >= 0 && (x.steps[drop].mode != recipe.WeightSum || x.steps[drop].b != m.c) {
				continue
			}
			for at := k + 1; at <= len(x.steps); at++ {
				s := x.clone()
				s.steps = slices.Insert(s.steps, at, step{mode: recipe.WeightSum, b: m.b, c: -1, how: closing})
				if drop >= 0 {
					i := drop
					if drop >= at {
						i++
					}
					s.steps = slices.Delete(s.steps, i, i+1)
				}
				if !yield(s) {
					return false
				}
			}
		}
	}
	return true
}
