package chain

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/recipe"
)

// How much is tried.
const (
	beamWidth     = 250 // ends of chains kept for each number of models
	beamWidthMany = 60  // likewise, for more than manyModels
	manyModels    = 12
	solvedMost    = 40 // chains of the beam that are solved
	refinedMost   = 3  // and improved
	asShort       = 1  // bits that a chain may be longer and still count as equally short
)

// search returns chains with short descriptions, the shortest first, and none if
// there is none.
func (t *part) search(ctx context.Context) []*solved {
	width := beamWidth
	if len(t.models) > manyModels {
		width = beamWidthMany
	}
	if len(t.models) == 0 {
		return nil
	}
	var found []*solved
	for i, s := range append(t.beam(ctx, width), t.plain()) {
		if i >= solvedMost && len(found) > 0 || ctx.Err() != nil {
			break
		}
		if x, ok := t.solve(s, math.Inf(1)); ok {
			found = append(found, x)
		}
	}
	slices.SortStableFunc(found, compareBits)
	return found
}

// plain returns the chain whose ratios are the weights: a weight sum with the
// base, if that is not the first model, and add differences.
func (t *part) plain() structure {
	first, most := 0, math.Inf(-1)
	for i := range t.models {
		sum := 0.0
		for _, v := range t.of(t.w, i) {
			sum += v
		}
		if i == t.kept {
			sum = math.Inf(1)
		}
		if sum > most {
			first, most = i, sum
		}
	}
	s, base := structure{first: first}, first
	if t.base >= 0 && t.base != first {
		base = t.base
		s.steps = append(s.steps, step{mode: recipe.WeightSum, b: base, c: -1})
	}
	for i := range t.models {
		if i != first && i != base {
			s.steps = append(s.steps, step{mode: recipe.AddDifference, b: i, c: base})
		}
	}
	return s
}

// best returns the chains with the shortest descriptions that can be found by
// improving those of [part.search].
func (t *part) best(ctx context.Context, found []*solved) []*solved {
	found = slices.Clone(found)
	for _, x := range found[:min(len(found), refinedMost)] {
		found = append(found, t.refine(ctx, x)...)
	}
	slices.SortStableFunc(found, compareBits)
	return distinct(t, found)
}

func compareBits(a, b *solved) int { return cmp.Compare(a.bits, b.bits) }

// distinct returns the chains, each once: see [solved.key].
func distinct(t *part, found []*solved) []*solved {
	seen := map[string]bool{}
	var out []*solved
	for _, x := range found {
		x = t.ordered(x)
		if k := x.key(); !seen[k] {
			seen[k] = true
			out = append(out, x)
		}
	}
	return out
}

// ordered returns the chain with the models of each triple sum in the order of
// their numbers, and with the first two models changed, if it begins with
// a weight sum, so that the first is the one whose unmerged tensors the target
// has, or else the one that there is more of.
func (t *part) ordered(x *solved) *solved {
	for k, s := range x.steps {
		if s.mode == recipe.TripleSum && s.b > s.c {
			y := &solved{x.clone(), slices.Clone(x.alpha), slices.Clone(x.beta), x.bits}
			y.steps[k].b, y.steps[k].c = s.c, s.b
			y.alpha[k], y.beta[k] = x.beta[k], x.alpha[k]
			x = y
		}
	}
	if len(x.steps) == 0 || x.steps[0].mode != recipe.WeightSum || x.first == t.kept {
		return x
	}
	second, sum := x.steps[0].b, 0.0
	for _, v := range x.alpha[0].numbers {
		sum += v - 0.5
	}
	if second != t.kept && (sum < 0 || sum == 0 && x.first < second) {
		return x
	}
	y := &solved{structure: x.clone(), alpha: slices.Clone(x.alpha), beta: x.beta, bits: x.bits}
	y.first, y.steps[0].b = second, x.first
	y.alpha[0] = typedRow{make([]float64, len(x.alpha[0].numbers)), x.alpha[0].bits}
	for b, v := range x.alpha[0].numbers {
		y.alpha[0].numbers[b] = math.Round((1-v)*1e9)/1e9 + 0
	}
	if y.steps[0].how == closing {
		y.steps[0].how = whole
	}
	return y
}

// key returns a text that is the same for chains of the same steps in an order
// that makes no difference.
func (x *solved) key() string {
	keys := make([]string, len(x.steps))
	for k, s := range x.steps {
		keys[k] = fmt.Sprint(s.mode, s.b, s.c, x.alpha[k].numbers, x.beta[k].numbers)
	}
	slices.Sort(keys)
	return fmt.Sprint(x.first, strings.Join(keys, ";"))
}

// preferred returns those of the chains, sorted by length, that are as short as
// the first. The one that is printed comes first, chosen by what does not depend
// on the errors of the weights: the most rows of one number, then the one that
// begins with the model whose unmerged tensors the target has.
func (t *part) preferred(found []*solved) []*solved {
	limit := found[0].bits + asShort
	best := slices.DeleteFunc(slices.Clone(found), func(x *solved) bool { return x.bits > limit })
	usual := func(x *solved) int {
		if t.usual >= 0 && x.first == t.usual {
			return 0
		}
		return 1
	}
	slices.SortFunc(best, func(x, y *solved) int {
		return cmp.Or(
			cmp.Compare(y.constants(), x.constants()),
			cmp.Compare(usual(x), usual(y)),
			cmp.Compare(math.Round(x.bits*1e4), math.Round(y.bits*1e4)),
			cmp.Compare(x.key(), y.key()))
	})
	return best
}

// constants returns the number of rows that are one number.
func (x *solved) constants() int {
	n := 0
	for k, s := range x.steps {
		if x.alpha[k].constant() {
			n++
		}
		if s.mode == recipe.TripleSum && x.beta[k].constant() {
			n++
		}
	}
	return n
}

// refine improves a chain by changing it a little, again and again, for as long
// as that makes it shorter. It returns the last chain, and those met on the way
// that are as short.
func (t *part) refine(ctx context.Context, x *solved) []*solved {
	var met []*solved
	for range 20 {
		best := x
		for s := range t.variants(x) {
			if ctx.Err() != nil {
				break
			}
			y, ok := t.solve(s, min(x.bits, best.bits)+asShort)
			if !ok {
				continue
			}
			met = append(met, y)
			if y.bits < best.bits-1e-9 {
				best = y
			}
		}
		if best == x {
			break
		}
		x = best
	}
	met = append(met, x)
	return slices.DeleteFunc(met, func(y *solved) bool { return y.bits > x.bits+asShort })
}
