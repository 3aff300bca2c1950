package studies

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A Style is a wish for the steps that are composed. None has more steps than
// there are sources less one. Steps that cannot have it are plain.
type Style string

const (
	// Plain is weight sums where they serve, else add differences.
	Plain Style = ""
	// Add is add differences only.
	Add Style = "add"
	// Between is ratios from 0 to 1 only, as sliders of other programs have them.
	Between Style = "between"
	// Triple is triple sums, which bring in two models each: half the steps.
	Triple Style = "triple"
)

// Styles returns the styles, the default first.
func Styles() []Style { return []Style{Plain, Add, Between, Triple} }

// errStyle is wrapped by errors that mean that the steps cannot have the style.
var errStyle = errors.New("the steps cannot have the style that was asked for")

// A link is a step of a tree: it adds the difference between a model that is new
// and another, which came before it.
type link struct {
	model, other int
	negative     bool // the new model is subtracted
}

// restyle gives the steps that arrange chose the style that is wanted.
func (c *composition) restyle() error {
	if len(c.order) == 1 {
		return nil
	}
	switch c.style {
	case Between:
		return c.between()
	case Triple:
		return c.pair()
	case Add:
		if c.diff < 0 {
			c.diff = c.order[0]
		}
	default:
		if c.diff < 0 && !c.chains() {
			c.diff = c.order[0]
		}
	}
	return nil
}

// groups returns the models but the first, by the steps that bring them in.
func (c *composition) groups() [][]int {
	var groups [][]int
	rest := c.order[1:]
	for len(rest) > 0 {
		n := 1
		if c.style == Triple && len(rest)%2 == 0 {
			n = 2
		}
		groups = append(groups, rest[:n])
		rest = rest[n:]
	}
	return groups
}

// pair finds an order for triple sums.
//
// After each step the models so far hold a share of the result, and the ratios
// are shares of that: it must be clear of zero in all blocks, or 1-alpha-beta
// would be 0 in a later step, which leaves nothing of them. The first model
// stays, for it gives what is not merged.
func (c *composition) pair() error {
	c.diff = -1
	const tries = 20000
	for _, most := range []float64{2, 20} { // the largest ratio; SuperMerger's slider ends at 2
		left := tries
		if order := c.paired(c.order[:1], c.order[1:], most, &left); order != nil {
			c.order = order
			return nil
		}
	}
	return fmt.Errorf("%w: whatever the order of triple sums, after some step the models so far have a share near zero", errStyle)
}

// paired returns the order that begins with some models, followed by those of
// rest, the earliest of rest first if they serve; nil if there is none.
func (c *composition) paired(some, rest []int, most float64, tries *int) []int {
	if len(rest) == 0 {
		return some
	}
	without := func(from []int, i int) []int { return slices.Delete(slices.Clone(from), i, i+1) }
	for i := range rest {
		more := [][]int{{}} // the places, in what rest is without i, of a second model
		if len(rest)%2 == 0 {
			more = nil
			for j := i; j < len(rest)-1; j++ {
				more = append(more, []int{j})
			}
		}
		for _, second := range more {
			if *tries--; *tries < 0 {
				return nil
			}
			next, left := append(slices.Clone(some), rest[i]), without(rest, i)
			for _, j := range second {
				next, left = append(next, left[j]), without(left, j)
			}
			if !c.clear(next, len(next)-len(some), most) {
				continue
			}
			if order := c.paired(next, left, most, tries); order != nil {
				return order
			}
		}
	}
	return nil
}

// clear reports whether in each block the models of some together have a share
// clear of zero, if they have any, and the last n of them ratios up to most.
func (c *composition) clear(some []int, n int, most float64) bool {
	for _, id := range c.ids {
		sum, any := 0.0, false
		for _, i := range some {
			sum += c.fits[id].Weights[i]
			any = any || c.fits[id].Weights[i] != 0
		}
		if any && math.Abs(sum) < 0.02 {
			return false
		}
		for _, i := range some[len(some)-n:] {
			if w := c.fits[id].Weights[i]; w != 0 && (w/sum > most || w/sum < 1-most) {
				return false
			}
		}
	}
	return true
}

// between finds steps whose ratios are from 0 to 1 in all blocks.
//
// Weight sums do if no weight is negative. Else the models are made a tree: each
// step adds the difference between one model and the one above it in the tree,
// or the other way round, and its ratio is the sum of the weights of that model
// and all below it, up to the sign. So below the top no sum may be beyond 1, or
// positive in one block and negative in another; the top may be anything.
func (c *composition) between() error {
	sums := map[block.ID][]float64{}
	positive, below := true, true
	for _, id := range c.ids {
		sums[id] = slices.Clone(c.fits[id].Weights)
		for _, i := range c.order {
			w, off := c.fits[id].Weights[i], tolerance(c.fits[id].SE[i])
			positive = positive && w >= -off
			below = below && (i == c.diff || w >= -off && w <= 1+off)
		}
	}
	switch {
	case positive:
		c.diff = -1
		return nil
	case below && c.diff >= 0: // the base first, and then differences to it
		return nil
	}
	off := func(id block.ID, i int) float64 { return tolerance(c.fits[id].SE[i]) }
	var tree []link
	for _, top := range []int{c.order[0], -1} { // the first model gives what is not merged
		if tries := 5000; tree == nil {
			tree = c.grow(sums, off, c.order, top, &tries)
		}
	}
	if tree == nil {
		return fmt.Errorf("%w: no %d steps have all their ratios from 0 to 1, because several sources weigh more than that, or are added in one block and subtracted in another", errStyle, len(c.order)-1)
	}
	c.tree, c.diff = tree, -1
	c.order = []int{tree[0].other}
	for _, l := range tree {
		c.order = append(c.order, l.model)
	}
	return nil
}

// tolerance is how far beyond its bounds a weight may be by its error.
func tolerance(se float64) float64 { return min(aside*se+1e-9, 0.01) }

// grow returns the steps of a tree of the models left, parents first, or nil.
// top is the one at its top, or -1 for any.
func (c *composition) grow(sums map[block.ID][]float64, off func(block.ID, int) float64, left []int, top int, tries *int) []link {
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
	join := func(i, other int) link {
		plus, _ := c.sign(sums, off, i)
		return link{i, other, !plus}
	}
	if top < 0 && len(bad) == 1 {
		top, bad = bad[0], nil
	}
	if len(bad) == 0 { // all hang from the top
		if top < 0 {
			top = left[0]
		}
		var tree []link
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
			if tree := c.grow(more, off, rest, top, tries); tree != nil {
				return append(tree, join(i, other))
			}
		}
	}
	return nil
}

// sign reports whether the sums of model i are from 0 to 1 in all blocks, and
// whether they are from -1 to 0.
func (c *composition) sign(sums map[block.ID][]float64, off func(block.ID, int) float64, i int) (plus, minus bool) {
	plus, minus = true, true
	for _, id := range c.ids {
		v, d := sums[id][i], off(id, i)
		plus = plus && v >= -d && v <= 1+d
		minus = minus && v <= d && v >= -1-d
	}
	return plus, minus
}

// link returns the step of a tree that brings in model i.
func (c *composition) link(i int) link {
	return c.tree[slices.IndexFunc(c.tree, func(l link) bool { return l.model == i })]
}

// under reports whether model m is i or below it in the tree.
func (c *composition) under(m, i int) bool {
	for m != i && m != c.order[0] {
		m = c.link(m).other
	}
	return m == i
}

// treeRatios turns weights into the ratios of a tree's steps.
func (c *composition) treeRatios(w []float64) []float64 {
	sums, x := slices.Clone(w), make([]float64, len(c.tree))
	for k := len(c.tree) - 1; k >= 0; k-- {
		l := c.tree[k]
		v := sums[l.model]
		sums[l.other] += v
		if l.negative {
			v = -v
		}
		x[k] = round(v) + 0 // no negative zero
	}
	return x
}
