package compose

import (
	"fmt"
	"math"
	"slices"
)

// applyTriple finds an order for triple sums.
//
// After each step the models so far hold a share of the result, and the ratios
// are shares of that: it must be clear of zero in all blocks, or 1-alpha-beta
// would be 0 in a later step, which leaves nothing of them. The first model
// stays, for it gives what is not merged.
func (c *Composition) applyTriple() error {
	c.subtracted = -1
	const tries = 20000
	for _, most := range []float64{2, 20} { // the largest ratio; SuperMerger's slider ends at 2
		left := tries
		if order := c.tripleOrder(c.order[:1], c.order[1:], most, &left); order != nil {
			c.order = order
			return nil
		}
	}
	return fmt.Errorf("%w: whatever the order of triple sums, after some step the models so far have a share near zero", ErrStyle)
}

// tripleOrder returns the order that begins with some models, followed by those of
// rest, the earliest of rest first if they serve; nil if there is none.
func (c *Composition) tripleOrder(some, rest []int, most float64, tries *int) []int {
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
			if !c.sharesClear(next, len(next)-len(some), most) {
				continue
			}
			if order := c.tripleOrder(next, left, most, tries); order != nil {
				return order
			}
		}
	}
	return nil
}

// sharesClear reports whether in each block the models of some together have a share
// clear of zero, if they have any, and the last n of them ratios up to most.
func (c *Composition) sharesClear(some []int, n int, most float64) bool {
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
