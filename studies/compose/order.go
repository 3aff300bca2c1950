package compose

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mixmatch/similarity"
)

// chooseOrder orders the models by what each adds to the similarity, first those
// that are surely in the target and then those that may only stand for another, and
// decides which is subtracted, if one is.
//
// In a chain of weight sums model j comes in with the ratio w_j / (w_0+..+w_j),
// which wants partial sums clear of zero. A chain of add differences against a
// model d has the weights themselves for ratios, and always works; it costs a
// step to set the share of d, unless d starts the chain. Both take one step
// fewer than there are models, which is the fewest for steps that bring in one
// model each.
func (c *Composition) chooseOrder(ctx context.Context, models []int, base, first int) error {
	total, negative := make([]float64, len(c.blocks.Names)), make([]float64, len(c.blocks.Names))
	for _, id := range c.ids {
		for i, w := range c.fits[id].Weights {
			total[i] += w
			negative[i] += min(0, w)
		}
	}
	// What is subtracted is the base, if it is; else, or if nobody named one, the
	// model that has the most below zero.
	if base < 0 || negative[base] == 0 {
		for _, i := range models {
			if negative[i] < 0 && (base < 0 || negative[i] < negative[base]) {
				base = i
			}
		}
	}
	// The first is the one asked for, or the one there is most of; the base only if
	// nothing else is there.
	left := slices.Clone(models)
	slices.SortStableFunc(left, func(i, j int) int {
		switch {
		case (i == first) != (j == first):
			if i == first {
				return -1
			}
			return 1
		case (i == base) != (j == base):
			if i == base {
				return 1
			}
			return -1
		case c.surely(i) != c.surely(j):
			if c.surely(i) {
				return -1
			}
			return 1
		}
		return cmp.Compare(math.Round(1000*total[j]), math.Round(1000*total[i])) // beyond the errors it is chance
	})
	c.order, left = []int{left[0]}, left[1:]
	if base >= 0 && slices.Contains(left, base) && negative[base] < 0 {
		c.subtracted = base
		c.order = append(c.order, base)
		left = slices.DeleteFunc(left, func(i int) bool { return i == base })
	}
	growths := make([]*similarity.Growth, len(c.ids))
	for k, id := range c.ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		growths[k] = c.blocks.Grow(id, models, c.loras)
		for _, i := range c.order {
			growths[k].Add(i)
		}
	}
	for len(left) > 0 {
		best, least := 0, math.Inf(1)
		sure := slices.ContainsFunc(left, c.surely)
		for k, i := range left {
			if sure && !c.surely(i) {
				continue
			}
			sum := 0.0
			for _, g := range growths {
				sum += g.With(i)
			}
			if sum < least {
				best, least = k, sum
			}
		}
		for _, g := range growths {
			if err := ctx.Err(); err != nil {
				return err
			}
			g.Add(left[best])
		}
		c.order = append(c.order, left[best])
		left = slices.Delete(left, best, best+1)
	}
	return nil
}

// weightSumsServe reports whether weight sums in the order chosen keep all
// ratios within [-1, 2], SuperMerger's slider.
func (c *Composition) weightSumsServe() bool {
	for _, id := range c.ids {
		sum := 0.0
		for _, i := range c.order {
			w := c.fits[id].Weights[i]
			sum += w
			if w != 0 && (math.Abs(sum) < 0.02 || w/sum < -1 || w/sum > 2) {
				return false
			}
		}
	}
	return true
}
