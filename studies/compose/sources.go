package compose

import (
	"context"
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
)

// chooseSources sets the sources of each block and their best mix, and returns
// the models that take part in any block, ascending.
func (c *Composition) chooseSources(ctx context.Context) ([]int, error) {
	var err error
	if c.sources, c.fits, err = c.eliminateAll(ctx, c.proof.Chosen); err != nil {
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
func (c *Composition) eliminateAll(ctx context.Context, candidates []int) (map[block.ID][]int, map[block.ID]*similarity.Fit, error) {
	sources, fits := map[block.ID][]int{}, map[block.ID]*similarity.Fit{}
	for _, id := range c.ids {
		some, fit, err := c.eliminate(ctx, id, candidates)
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
func (c *Composition) eliminate(ctx context.Context, id block.ID, candidates []int) ([]int, *similarity.Fit, error) {
	isModel := func(i int) bool { return !c.blocks.IsDifference(i) }
	left := c.present(id, candidates)
	if !slices.ContainsFunc(left, isModel) {
		for i := range c.blocks.Names {
			if isModel(i) && !c.blocks.Lacks(id, i) {
				left = append(left, i)
			}
		}
		slices.Sort(left)
	}
	// What a weight explains is the square of its multiple of Doubles, as a share of
	// what is left; of that, an element is one in len.
	threshold := math.Sqrt(max(blockThreshold*blockThreshold/float64(max(1, c.blocks.Len(id))), c.worth(id)))
	narrow, err := c.blocks.Narrow(id, left)
	for err == nil {
		left = narrow.Free()
		worst, least := -1, 1.0
		only := len(left) > 0 && (len(left) == 1 || !isModel(left[1])) // the models come first
		for k := range left {
			if only && k == 0 {
				continue
			}
			w, doubles := narrow.Weight(k)
			limit := max(threshold*doubles, smallestWeight)
			if r := math.Abs(w) / limit; r < least {
				worst, least = k, r
			}
		}
		if worst < 0 {
			var fit *similarity.Fit
			if fit, err = c.blocks.Fit(id, left, nil); err == nil {
				return left, fit, nil
			}
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		err = narrow.Drop(worst)
	}
	return nil, nil, fmt.Errorf("block %s: %w", c.blocks.Layout.Name(id), err)
}

// worth is the share of what is left of block id that a model must explain.
func (c *Composition) worth(id block.ID) float64 {
	if c.blocks.AtNoise(id) {
		return similarity.WorthAtNoise
	}
	return similarity.WorthElse
}

// surely reports whether model i is surely in the target.
func (c *Composition) surely(i int) bool { return c.proof.Models[i].Standing == similarity.In }

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
