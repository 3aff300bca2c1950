package compose

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

const (
	// A model is left out of a block where its weight is within so many standard
	// errors of zero, or smaller than matters to three decimals.
	blockThreshold = 3.5
	smallestWeight = 0.0005
	// A model takes part at all if its weight stands so many standard errors
	// clear of zero in some block: there are hundreds of weights to go wrong.
	sourceThreshold = 5.0
)

// chooseSources sets the sources of each block and their best mix, and returns
// the models that take part in any block, ascending.
func (c *Composition) chooseSources() ([]int, error) {
	n := len(c.blocks.Names)
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	in, share := make([]bool, n), make([]float64, n)
	_, fits, err := c.eliminateAll(all)
	if err != nil {
		return nil, err
	}
	for _, id := range c.ids {
		for i, w := range fits[id].Weights {
			in[i] = in[i] || math.Abs(w) > sourceThreshold*fits[id].SE[i] && math.Abs(w) > smallestWeight
			share[i] += math.Abs(w)
		}
	}
	candidates := slices.DeleteFunc(all, func(i int) bool { return !in[i] })
	if candidates, err = c.dropReplaceable(candidates, share); err != nil {
		return nil, err
	}
	if c.sources, c.fits, err = c.eliminateAll(candidates); err != nil {
		return nil, err
	}
	var models []int
	for _, some := range c.sources {
		models = append(models, some...)
	}
	slices.Sort(models)
	return slices.Compact(models), nil
}

// eliminateAll does [Composition.eliminate] in all blocks.
func (c *Composition) eliminateAll(candidates []int) (map[block.ID][]int, map[block.ID]*similarity.Fit, error) {
	sources, fits := map[block.ID][]int{}, map[block.ID]*similarity.Fit{}
	for _, id := range c.ids {
		some, fit, err := c.eliminate(id, candidates)
		if err != nil {
			return nil, nil, err
		}
		sources[id], fits[id] = some, fit
	}
	return sources, fits, nil
}

// eliminate takes from the candidates, one by one, those whose weight in block
// id is nothing within its error, and returns what is left with its best mix.
// Where nothing would be left, or no candidate has the block, all models that
// have it are candidates.
func (c *Composition) eliminate(id block.ID, candidates []int) ([]int, *similarity.Fit, error) {
	has := func(i int) bool { return !c.blocks.Lacks(id, i) }
	var left []int
	for _, i := range candidates {
		if has(i) {
			left = append(left, i)
		}
	}
	if len(left) == 0 {
		for i := range c.blocks.Names {
			if has(i) {
				left = append(left, i)
			}
		}
	}
	for {
		fit, err := c.blocks.Fit(id, left, nil)
		if err != nil {
			return nil, nil, fmt.Errorf("block %s: %w", c.blocks.Layout.Name(id), err)
		}
		worst, least := -1, 1.0
		for k, i := range left {
			limit := max(blockThreshold*fit.SE[i], smallestWeight)
			if r := math.Abs(fit.Weights[i]) / limit; r < least {
				worst, least = k, r
			}
		}
		if worst < 0 || len(left) == 1 {
			return left, fit, nil
		}
		left = slices.Delete(slices.Clone(left), worst, worst+1)
	}
}

// dropReplaceable takes from the candidates those that the others can stand in
// for in every block, the smallest shares first: models that are the same in
// some blocks, a text encoder that nobody trained, are in the mix by their name
// only. share is the sum of a model's weights over the blocks.
func (c *Composition) dropReplaceable(candidates []int, share []float64) ([]int, error) {
	sources, _, err := c.eliminateAll(candidates)
	if err != nil {
		return nil, err
	}
	smallestFirst := slices.Clone(candidates)
	slices.SortStableFunc(smallestFirst, func(i, j int) int { return cmp.Compare(share[i], share[j]) })
	for _, i := range smallestFirst {
		without := slices.DeleteFunc(slices.Clone(candidates), func(k int) bool { return k == i })
		replaceable, err := c.replaceable(i, without, sources)
		if err != nil {
			return nil, err
		}
		if !replaceable {
			continue
		}
		candidates = without
		for _, id := range c.ids { // the block is now somebody else's
			if slices.Contains(sources[id], i) {
				some, _, err := c.eliminate(id, candidates)
				if err != nil {
					return nil, err
				}
				sources[id] = some
			}
		}
	}
	return candidates, nil
}

// replaceable reports whether the models without i come as close to the target
// as the sources do, in every block that has i among them.
func (c *Composition) replaceable(i int, without []int, sources map[block.ID][]int) (bool, error) {
	if len(without) == 0 {
		return false, nil
	}
	reach := func(id block.ID, some []int) (float64, error) {
		if some = c.present(id, some); len(some) == 0 {
			return -1, nil
		}
		return c.blocks.Reach(id, some)
	}
	for _, id := range c.ids {
		if !slices.Contains(sources[id], i) {
			continue
		}
		with, err := reach(id, sources[id])
		if err != nil {
			return false, err
		}
		v, err := reach(id, without)
		if err != nil {
			return false, err
		}
		if asClose := 1-v <= (1-with)*(1+1e-6)+1e-14; !asClose {
			return false, nil
		}
	}
	return true, nil
}

// present returns the models of some that block id has, ascending, so that the
// same set gives the same sums.
func (c *Composition) present(id block.ID, some []int) []int {
	var out []int
	for _, i := range some {
		if !c.blocks.Lacks(id, i) {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return out
}
