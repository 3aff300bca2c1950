// Package compose writes the steps of a recipe that nobody gave.
//
// It starts from the inner products of some models and a target
// ([similarity.Blocks]) and chooses which of the models take part, in what order,
// with what kind of step, and in what numbers. [New] does all but the numbers;
// [Composition.Recipe] is the recipe with a hole for each ratio,
// [Composition.Best] the ratios that come closest, and [Composition.Rounded]
// those that a person would rather type. Nothing here reads a file.
//
// Models and LoRAs are known by their place in Blocks.Names. Weights are one a name:
// those of models sum to 1, those of LoRAs, the differences among the names, are
// free. A column is the ratios of one block: one for each model that takes part but
// the first (a 0 if it is alone), then one for each LoRA, its weight; the last steps
// add the LoRAs.
package compose

import (
	"context"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// Options are what may be asked of a composition.
type Options struct {
	Base  int // the model that add difference is to subtract, if one must be; -1 for none
	First int // the model to begin with if it takes part, unless the style leaves no choice; -1 for any
	Style Style

	// Evidence is what speaks for each model; nil to have it weighed. Models that are
	// surely in the target come first in the order.
	Evidence *similarity.Evidence
}

// A Composition is the steps that were chosen for a target.
type Composition struct {
	blocks *similarity.Blocks
	ids    []block.ID // the blocks composed for
	style  Style
	proof  *similarity.Evidence

	sources    map[block.ID][]int           // the models that take part in each block, ascending
	fits       map[block.ID]*similarity.Fit // the best mix of them
	order      []int                        // the models that take part anywhere, in the order of the steps
	loras      []int                        // the LoRAs that do, in the order of the steps that add them
	subtracted int                          // the model that the steps subtract, or -1 for a chain of weight sums
	tree       []treeStep                   // the steps, if they add differences between various models; else nil
}

// New chooses the models, their order and the kind of steps for a target, from
// its products b in the blocks ids. The error wraps [ErrStyle] if there are no
// steps of the style wanted, else what [similarity.Blocks.Fit] found wrong, or ctx's.
func New(ctx context.Context, b *similarity.Blocks, ids []block.ID, o Options) (*Composition, error) {
	c := &Composition{blocks: b, ids: ids, style: o.Style, proof: o.Evidence, subtracted: -1}
	if c.proof == nil {
		var err error
		if c.proof, err = b.Weigh(ctx, ids, o.Base); err != nil {
			return nil, err
		}
	}
	models, err := c.chooseSources(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range slices.Backward(models) {
		if b.IsDifference(i) {
			c.loras = append([]int{i}, c.loras...)
			models = models[:len(models)-1]
		}
	}
	if err := c.chooseOrder(ctx, models, o.Base, o.First); err != nil {
		return nil, err
	}
	return c, c.applyStyle()
}

// Order returns the models that take part, in the order in which the steps bring
// them in, without LoRAs. The first gives what is not merged.
func (c *Composition) Order() []int { return slices.Clone(c.order) }

// Best returns the column of block id that comes closest to the target.
func (c *Composition) Best(id block.ID) []float64 { return c.column(c.fits[id].Weights) }
