package chain

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A placed chain makes some of the blocks. The chains of several are joined by
// weight sums whose ratios are 0 and 1.
type placed struct {
	part   *part
	groups []block.Group // whose blocks it makes
	best   []*solved     // the shortest, and others that are as short
}

func (c placed) chain() *solved { return c.best[0] }

// bits returns the length of the chain's description, infinite if there is none.
func (c placed) bits() float64 {
	if len(c.best) == 0 {
		return math.Inf(1)
	}
	return c.chain().bits
}

// divide finds the chains with the shortest description for all blocks at once
// and for each group apart (the outputs, the inputs and the text encoder), as
// people do who match one after the other, or for several of them together. It returns what is
// shortest: first the chain that the others are joined to, which gives the
// tensors that are not merged, too; nil if nothing is found. When ctx ends it returns
// soon, whatever was found.
func (p *Problem) divide(ctx context.Context) []placed {
	var groups []block.Group
	for _, g := range p.Layout.Groups() {
		if slices.ContainsFunc(p.Blocks, func(id block.ID) bool { return p.Layout.GroupOf(id) == g }) {
			groups = append(groups, g)
		}
	}
	all := make([]placed, 1<<len(groups)) // by the set of groups, as bits
	for mask := range all[1:] {
		all[mask+1] = p.place(ctx, groups, uint(mask+1))
	}
	length := func(masks []uint) float64 {
		sum := joinBits * float64(len(masks)-1)
		for _, m := range masks {
			sum += all[m].bits()
		}
		return sum
	}
	divisions := partitions(uint(1)<<len(groups) - 1)
	least := math.Inf(1)
	for _, masks := range divisions {
		least = min(least, length(masks))
	}
	if math.IsInf(least, 1) {
		return nil
	}
	// Only those that come near can be the shortest when they are improved.
	var near [][]uint
	for _, masks := range divisions {
		if length(masks) <= least+improvement {
			near = append(near, masks)
		}
	}
	improved := make([]bool, len(all))
	var best []uint
	for _, masks := range near {
		for _, m := range masks {
			if !improved[m] {
				all[m].best, improved[m] = all[m].part.best(ctx, all[m].best), true
			}
		}
		if best == nil || length(masks) < length(best) {
			best = masks
		}
	}
	var chains []placed
	for _, m := range best {
		chains = append(chains, all[m])
	}
	return chains
}

// improvement is how many bits shorter a chain may become by being improved.
const improvement = 60.0

// partitions returns the ways to divide a set, given as bits, the undivided one
// first.
func partitions(set uint) [][]uint {
	if set == 0 {
		return [][]uint{nil}
	}
	lowest := set & -set
	var all [][]uint
	others := set &^ lowest
	for sub := others; ; sub = (sub - 1) & others { // the subsets, the largest first
		for _, p := range partitions(others &^ sub) {
			all = append(all, append([]uint{sub | lowest}, p...))
		}
		if sub == 0 {
			return all
		}
	}
}

// place finds chains for the blocks of some groups.
func (p *Problem) place(ctx context.Context, groups []block.Group, mask uint) placed {
	c := placed{}
	for i, g := range groups {
		if mask>>i&1 == 1 {
			c.groups = append(c.groups, g)
		}
	}
	var rows []int
	for b, id := range p.Blocks {
		if slices.Contains(c.groups, p.Layout.GroupOf(id)) {
			rows = append(rows, b)
		}
	}
	c.part = newPart(p, rows)
	if mask&1 == 0 { // another chain gives what is not merged
		c.part.kept = -1
	}
	c.best = c.part.search(ctx)
	return c
}
