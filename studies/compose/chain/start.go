package chain

import (
	"fmt"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// Column returns the ratios of block id that give the weights w (one a model of
// the problem's Names, sum 1), not rounded, in the order of
// [recipe.Recipe.Column] of the chain's recipe. They say where a search can
// start.
//
// A chain that brings in the base only by subtracting it has one ratio less than
// weights: then the base gets what the others leave it. Ratios that the weights
// do not determine are as in the recipe: those of steps that make other blocks
// or join them, the second ratio of a model that is mixed in twice, and any in
// steps whose result is replaced altogether. It is nil for a block that was not
// searched.
func (c *Chain) Column(id block.ID, w []float64) []float64 {
	column := c.Recipe.Column(id)
	piece, b, at := c.find(id)
	if piece == nil {
		return nil
	}
	x, t := piece.chain(), piece.part.single(b, w)
	positions := x.positions(at)
	r := t.whole()
	for k := len(x.steps) - 1; k >= 0; k-- {
		s := x.steps[k]
		var rows [2]typedRow
		for n, i := range s.models() {
			pos := positions[k] + n
			if s.how == whole {
				if e := t.estimates(r, x.structure, k, i)[0]; e.value != 0 || r.mass[0] > 1e-9 {
					column[pos] = e.value
				}
			}
			rows[n].numbers = []float64{column[pos]}
		}
		t.undo(r, s, rows[0], rows[1])
	}
	return column
}

// find returns the chain that makes a block, the block's number in it, and
// where its ratios begin in a column; nil for a block that was not searched.
func (c *Chain) find(id block.ID) (piece *placed, b, at int) {
	for i := range c.pieces {
		piece = &c.pieces[i]
		for b, x := range piece.part.ids {
			if x == id {
				return piece, b, at
			}
		}
		x := piece.chain()
		at = x.positions(at)[len(x.steps)]
	}
	return nil, 0, 0
}

// positions returns where the ratios of each step are in a column in which the
// chain's begin at a place, and where they end.
func (x *solved) positions(at int) []int {
	places := make([]int, len(x.steps)+1)
	for k, s := range x.steps {
		places[k] = at
		at += len(s.models())
	}
	places[len(x.steps)] = at
	return places
}

// single returns the part for one of its blocks, with other weights.
func (t *part) single(b int, w []float64) *part {
	one := &part{ids: t.ids[b : b+1], kinds: t.kinds[b : b+1], models: t.models, base: t.base, kept: t.kept, sigma: t.sigma[b : b+1]}
	for i, m := range t.models {
		one.w, one.se = append(one.w, w[m]), append(one.se, t.se[i*t.blocks()+b])
	}
	return one
}

// WithHoles returns the recipe with a hole, of these bounds, in place of each
// ratio that a block's weights determine: all but those of steps that make other
// blocks or join them, those where a block takes nothing of the model, and the
// second ratio of a model that is mixed in twice. Bounds are widened where a
// ratio lies beyond.
func (c *Chain) WithHoles(lo, hi float64) *recipe.Recipe {
	r := c.Recipe.Clone()
	at := 0
	for i := range c.pieces {
		piece := &c.pieces[i]
		x := piece.chain()
		positions := x.positions(at)
		for _, id := range piece.part.ids {
			for k, s := range x.steps {
				for n := range s.models() {
					q := r.Ratio(id, positions[k]+n)
					if s.how == whole && q.Value != 0 {
						r.SetRatio(id, positions[k]+n, recipe.Open(recipe.Own, min(lo, q.Value), max(hi, q.Value)))
					}
				}
			}
		}
		at = positions[len(x.steps)]
	}
	return r
}

// Remark returns a sentence on other chains that the weights allow as well, and
// "" if there is none.
func (c *Chain) Remark() string {
	switch n := len(c.Alternatives); n {
	case 0:
		return ""
	case 1:
		return "One other chain of merges gives the same weights in as short a recipe; the weights cannot tell which the author made."
	default:
		return fmt.Sprintf("%d other chains of merges give the same weights in as short recipes; the weights cannot tell which the author made.", n)
	}
}
