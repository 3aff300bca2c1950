package similarity

import (
	"math"

	"mixmatch/merge/block"
)

// A Verdict says what a result proves about the recipe behind a target.
type Verdict string

// The verdicts.
const (
	// Exact: what is left unexplained is no more than rounding.
	Exact Verdict = "exact"
	// Best: no recipe of these sources comes closer, and little is left over.
	Best Verdict = "best possible"
	// Missing: what is left over is far more than rounding. A model that is not
	// among the sources went in, or the target was trained or changed after.
	Missing Verdict = "a source is missing"
	// Short: a recipe of these sources could come closer than this one, which
	// was given ratios or bounds that keep it away.
	Short Verdict = "held back by the recipe"
)

const (
	// A share unexplained below this is too small to speak of a missing source:
	// other tools' arithmetic, a clip, a touch of training.
	trifle = 0.001
	// A recipe is held back if it leaves this many times what the best mix leaves.
	heldBack = 1.05
)

// A Finding is what a mix leaves unexplained in one block.
type Finding struct {
	Block       block.ID
	Unexplained float64 // share of |T-B|^2, B the base or, without one, the nearest model
	Noise       float64 // |T-M|^2 as a multiple of one rounding of the target
	Verdict     Verdict
}

// Judge judges a model whose distance in block id is d, |T-M|^2 (that of a mix
// is [Blocks.Distance]), where ceiling is the best mix there is, base the model to
// measure from, or -1 for the nearest, and sources how many models the recipe
// mixes. Exact is said only if it is of the block, too: see [Witness].
func (b *Blocks) Judge(id block.ID, d float64, ceiling *Fit, base, sources int, exact bool) Finding {
	s := &b.sums[id]
	f := Finding{Block: id, Verdict: Exact}
	span := math.Inf(1)
	for i := range b.Names {
		if !b.IsDifference(i) && !b.Lacks(id, i) && (base < 0 || i == base) {
			span = min(span, b.Span(id, i))
		}
	}
	if d > 0 && span > 0 {
		f.Unexplained = d / span
	}
	if s.floor > 0 {
		f.Noise = d / s.floor
	}
	one := s.floor
	if s.saved {
		one = max(s.floor, s.half)
	}
	noise := float64(allowance(sources) * one)
	switch {
	case d <= noise && exact:
	case d > float64(heldBack*b.Distance(id, ceiling.Weights))+noise:
		f.Verdict = Short
	case f.Unexplained < trifle:
		f.Verdict = Best
	default:
		f.Verdict = Missing
	}
	return f
}

// Sum returns the verdict on a whole model from those on its blocks: the worst
// of them.
func Sum(findings []Finding) Verdict {
	rank := map[Verdict]int{Exact: 0, Best: 1, Short: 2, Missing: 3}
	v := Exact
	for _, f := range findings {
		if rank[f.Verdict] > rank[v] {
			v = f.Verdict
		}
	}
	return v
}
