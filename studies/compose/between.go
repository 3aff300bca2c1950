package compose

import (
	"fmt"
	"slices"

	"mixmatch/merge/block"
)

// A treeStep is a step of a tree: it adds the difference between a model that is
// new and another, which came before it.
type treeStep struct {
	model, other int
	negative     bool // the new model is subtracted
}

// applyBetween finds steps whose ratios are from 0 to 1 in all blocks.
//
// Weight sums do if no weight is negative. Else the models are made a tree: each
// step adds the difference between one model and the one above it in the tree,
// or the other way round, and its ratio is the sum of the weights of that model
// and all below it, up to the sign. So below the top no sum may be beyond 1, or
// positive in one block and negative in another; the top may be anything.
func (c *Composition) applyBetween() error {
	sums := map[block.ID][]float64{}
	positive, direct := true, true
	for _, id := range c.ids {
		sums[id] = slices.Clone(c.fits[id].Weights)
		for _, i := range c.order {
			w, off := c.fits[id].Weights[i], tolerance(c.fits[id].SE[i])
			positive = positive && w >= -off
			direct = direct && (i == c.subtracted || w >= -off && w <= 1+off)
		}
	}
	switch {
	case positive:
		c.subtracted = -1
		return nil
	case direct && c.subtracted >= 0: // the base first, and then differences to it
		return nil
	}
	off := func(id block.ID, i int) float64 { return tolerance(c.fits[id].SE[i]) }
	var tree []treeStep
	for _, top := range []int{c.order[0], -1} { // the first model gives what is not merged
		if tries := 5000; tree == nil {
			tree = c.growTree(sums, off, c.order, top, &tries)
		}
	}
	if tree == nil {
		return fmt.Errorf("%w: no %d steps have all their ratios from 0 to 1, because several sources weigh more than that, or are added in one block and subtracted in another", ErrStyle, len(c.order)-1)
	}
	c.tree, c.subtracted = tree, -1
	c.order = []int{tree[0].other}
	for _, s := range tree {
		c.order = append(c.order, s.model)
	}
	return nil
}

// tolerance is how far beyond its bounds a weight may be by its error.
func tolerance(se float64) float64 { return min(float64(blockThreshold*se)+1e-9, 0.01) }

// growTree returns the steps of a tree of the models left, parents first, or nil.
// top is the one at its top, or -1 for any.
func (c *Composition) growTree(sums map[block.ID][]float64, off func(block.ID, int) float64, left []int, top int, tries *int) []treeStep {
	if *tries--; *tries < 0 {
		return nil
	}
	var good, bad []int
	for _, i := range left {
		if i == top {
			continue
		}
		if plus, minus := c.sign(sums, off, i); plus || minus {
			good = append(good, i)
		} else {
			bad = append(bad, i)
		}
	}
	join := func(i, other int) treeStep {
		plus, _ := c.sign(sums, off, i)
		return treeStep{i, other, !plus}
	}
	if top < 0 && len(bad) == 1 {
		top, bad = bad[0], nil
	}
	if len(bad) == 0 { // all hang from the top
		if top < 0 {
			top = left[0]
		}
		var tree []treeStep
		for _, i := range left {
			if i != top {
				tree = append(tree, join(i, top))
			}
		}
		return tree
	}
	for _, i := range good {
		for _, other := range bad {
			more := map[block.ID][]float64{}
			for id, v := range sums {
				more[id] = slices.Clone(v)
				more[id][other] += v[i]
			}
			rest := slices.DeleteFunc(slices.Clone(left), func(m int) bool { return m == i })
			if tree := c.growTree(more, off, rest, top, tries); tree != nil {
				return append(tree, join(i, other))
			}
		}
	}
	return nil
}

// sign reports whether the sums of model i are from 0 to 1 in all blocks, and
// whether they are from -1 to 0.
func (c *Composition) sign(sums map[block.ID][]float64, off func(block.ID, int) float64, i int) (plus, minus bool) {
	plus, minus = true, true
	for _, id := range c.ids {
		v, d := sums[id][i], off(id, i)
		plus = plus && v >= -d && v <= 1+d
		minus = minus && v <= d && v >= -1-d
	}
	return plus, minus
}

// treeStep returns the step of a tree that brings in model i.
func (c *Composition) treeStep(i int) treeStep {
	return c.tree[slices.IndexFunc(c.tree, func(s treeStep) bool { return s.model == i })]
}

// hangsFrom reports whether model m is i or below it in the tree.
func (c *Composition) hangsFrom(m, i int) bool {
	for m != i && m != c.order[0] {
		m = c.treeStep(m).other
	}
	return m == i
}

// treeRatios turns weights into the ratios of a tree's steps.
func (c *Composition) treeRatios(w []float64) []float64 {
	sums, x := slices.Clone(w), make([]float64, len(c.tree))
	for k := len(c.tree) - 1; k >= 0; k-- {
		s := c.tree[k]
		v := sums[s.model]
		sums[s.other] += v
		if s.negative {
			v = -v
		}
		x[k] = trim(v) + 0 // no negative zero
	}
	return x
}
