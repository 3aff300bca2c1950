package chain

import (
	"math"
	"slices"

	"mixmatch/merge/recipe"
)

// How a step's ratios follow from the weights.
const (
	whole   = iota // they take from the result all that is left of model b
	closing        // they leave of the result what the first model weighs
	given          // they are known
)

// A step of a chain merges what was made so far with one or two models of a
// part.
type step struct {
	mode  recipe.Mode // weight sum, add difference or triple sum
	b, c  int         // models; c is -1 for a weight sum
	how   int
	given []float64 // the ratios, if they are given
}

// A structure is a chain without its ratios.
type structure struct {
	first int
	steps []step
}

func (s structure) clone() structure { return structure{s.first, slices.Clone(s.steps)} }

// A solved chain has its ratios.
type solved struct {
	structure
	alpha, beta []typedRow // of each step; beta only of triple sums
	bits        float64    // the description's length, and the misfit
}

// A rest is what is left of a result when steps are taken off its end: the
// weights of the models, and their sum, in units of the whole result.
type rest struct {
	u, mass []float64 // model by model, each its blocks; of each block
}

func (t *part) whole() rest {
	return rest{slices.Clone(t.w), slices.Repeat([]float64{1}, t.blocks())}
}

// ratio returns the estimate of a ratio whose model has so much of the result.
func ratio(share, se, mass float64) estimate {
	if math.Abs(mass) < 1e-9 { // nothing is left that came before: any number will do
		return estimate{0, math.Inf(1)}
	}
	return estimate{share / mass, se / math.Abs(mass)}
}

// largest is the largest ratio that is believed in.
const largest = 10

// believable reports whether the estimates can be ratios.
func believable(estimates []estimate) bool {
	for _, e := range estimates {
		if math.Abs(e.value) > largest && !e.allows(0, sharedTolerance) {
			return false
		}
	}
	return true
}

// share returns what is left of model i, and its error, when steps from here on
// back to the start have taken from it what they subtract.
func (t *part) share(r rest, s structure, k, i, b int) (v, se float64) {
	n := t.blocks()
	v = r.u[i*n+b]
	variance := t.se[i*n+b] * t.se[i*n+b]
	for j := range s.steps[:k] {
		x := &s.steps[j]
		if x.mode != recipe.AddDifference || x.c != i || slices.ContainsFunc(s.steps[:j], func(y step) bool { return y.brings(x.b) }) {
			continue
		}
		v += r.u[x.b*n+b]
		variance += float64(t.se[x.b*n+b] * t.se[x.b*n+b])
	}
	return v, math.Sqrt(variance)
}

// brings reports whether the step brings in model i.
func (x step) brings(i int) bool { return x.b == i || x.mode == recipe.TripleSum && x.c == i }

// estimates returns the ratios that bring in model i with step k.
func (t *part) estimates(r rest, s structure, k, i int) []estimate {
	e := make([]estimate, t.blocks())
	for b := range e {
		v, se := t.share(r, s, k, i, b)
		e[b] = ratio(v, se, r.mass[b])
	}
	return e
}

// closings returns the ratios with which step k, a weight sum, leaves the first
// model what it weighs.
func (t *part) closings(r rest, s structure, k int) []estimate {
	e := make([]estimate, t.blocks())
	for b := range e {
		v, se := t.share(r, s, k, s.first, b)
		variance := se * se
		for j, x := range s.steps[:k] {
			if x.mode == recipe.AddDifference {
				continue
			}
			for _, i := range x.models() {
				w, se := t.share(r, s, j, i, b)
				v, variance = v+w, variance+float64(se*se)
			}
		}
		e[b] = ratio(r.mass[b]-v, math.Sqrt(variance), r.mass[b])
	}
	return e
}

// models returns the models that the step brings in.
func (x step) models() []int {
	if x.mode == recipe.TripleSum {
		return []int{x.b, x.c}
	}
	return []int{x.b}
}

// undo takes the step off the result.
func (t *part) undo(r rest, x step, alpha, beta typedRow) {
	n := t.blocks()
	for b := range n {
		d := float64(alpha.numbers[b] * r.mass[b])
		r.u[x.b*n+b] -= d
		switch x.mode {
		case recipe.WeightSum:
			r.mass[b] -= d
		case recipe.AddDifference:
			r.u[x.c*n+b] += d
		case recipe.TripleSum:
			e := float64(beta.numbers[b] * r.mass[b])
			r.u[x.c*n+b] -= e
			r.mass[b] -= d + e
		}
	}
}

// solve finds the ratios of a chain, from its last step to the first: each as
// it is typed, and the rest from what the typed numbers leave. It reports false
// if the chain cannot have these weights, or is longer than bound in bits.
func (t *part) solve(s structure, bound float64) (*solved, bool) {
	if len(s.steps) > 0 && s.steps[0].mode == recipe.AddDifference && s.steps[0].c == s.first {
		return nil, false // a weight sum, written in another way
	}
	out := &solved{structure: s, alpha: make([]typedRow, len(s.steps)), beta: make([]typedRow, len(s.steps))}
	r := t.whole()
	for k := len(s.steps) - 1; k >= 0; k-- {
		x := s.steps[k]
		for n, i := range x.models() {
			var row typedRow
			switch x.how {
			case given:
				row = typedRow{x.given, rowBits(x.given, t.kinds)}
			default:
				e := t.estimates(r, s, k, i)
				if x.how == closing {
					e = t.closings(r, s, k)
				}
				if !believable(e) {
					return nil, false
				}
				row = typeRow(e, t.kinds)
			}
			if row.zero() {
				return nil, false
			}
			if n == 0 {
				out.alpha[k] = row
			} else {
				out.beta[k] = row
			}
			out.bits += row.bits
		}
		out.bits += t.stepBits(x)
		if x.how != whole {
			out.bits += againBits
		}
		if out.bits > bound {
			return nil, false
		}
		t.undo(r, x, out.alpha[k], out.beta[k])
	}
	misfit, ok := t.misfit(r, s.first)
	out.bits += misfit + t.others + t.firstBits(s.first)
	return out, ok && out.bits <= bound
}

// misfit returns how unlikely the weights are, in bits, if the chain whose steps
// were all taken off left this rest of them. It reports false if they are out of
// the question.
func (t *part) misfit(r rest, first int) (bits float64, ok bool) {
	const most = 12 // bits of one weight: errors are not always known that well
	n := t.blocks()
	for i := range t.models {
		for b := range n {
			v := r.u[i*n+b]
			if i == first {
				v -= r.mass[b]
			}
			if math.IsInf(t.se[i*n+b], 1) {
				continue
			}
			if !t.nothing(v, b) {
				return 0, false
			}
			bits += min(estimate{0, t.se[i*n+b]}.misfit(v), most)
		}
	}
	return bits, true
}

// stepBits returns what a step costs besides its rows.
func (t *part) stepBits(x step) float64 {
	bits := stepBits + t.more
	switch {
	case x.mode == recipe.TripleSum:
		bits += tripleBits + t.more
	case x.mode == recipe.AddDifference && x.c != t.base:
		bits += otherBits + t.more
	}
	return bits
}

// firstBits returns what the first model of a chain costs: the tensors that the
// target has unmerged are nearly always its own.
func (t *part) firstBits(i int) float64 {
	switch {
	case t.kept >= 0 && i != t.kept:
		return t.more + notKeptBits
	case i == t.kept:
		return t.more
	case i == t.base:
		return t.more + otherBits
	}
	return t.more
}
