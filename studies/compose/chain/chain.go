// Package chain finds the steps that the author of a merged model took.
//
// The weights of the models in each block say what a merge comes to, not how it
// was made: the same weights can be written as many chains of merges. But people
// type short numbers, the same number for all blocks if they can, and a chain
// that is not theirs gives long ones, different in each block. So the chain with
// the shortest description is nearly always the author's own. This is the
// principle of minimum description length (MDL): a chain's length is the number
// of bits of its steps (how many, which models), of its rows (see rowBits: a
// constant is cheapest, then ranges of blocks, then few numbers that take turns;
// two decimals are cheaper than three), and of what the weights are off.
//
// In a chain that begins with a model and goes on with weight sums,
// M <- (1-a) M + a S, and add differences, M <- M + a (S - C), the ratio of S is
// in each block, for both kinds of step,
//
//	a_S = w_S / (1 - sum of w_q over the weight sums q after S)
//
// and a model that is only subtracted weighs minus the sum of what was added for
// it. So a search needs to know only which models the last steps brought in, and
// how; see beam. It goes back from the last step, types each ratio, and gets the
// others from what the typed numbers leave, so that rounding does not add up.
//
// Some chains cannot be told apart by any weights: the two models of a first
// weight sum can change places (1-a for a), add differences that follow each
// other are the same in any order, and so are steps that never meet in a block.
// A sum Twice is two weight sums. Those count as one chain here. To mix a first
// model with the base is to add the model's difference to the base, so that in a
// chain that begins with the base the first two sources can change roles. Others
// happen to be as short, or even shorter than what was typed: adding 0.2 before
// the rest is multiplied by 0.9 is shorter than adding 0.18 after. See
// [Chain.Alternatives].
package chain

import (
	"context"
	"errors"
	"fmt"
	"math"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// ErrNone means that no chain of merges with believable ratios has the weights.
var ErrNone = errors.New("no chain of merges was found that has these weights")

// MaxModels is how many models may take part.
const MaxModels = 64

// A Problem is the weights of a merged model's sources in some blocks.
type Problem struct {
	Layout *block.Layout
	Blocks []block.ID // the blocks searched, ascending
	Names  []string   // of the models

	// Weights and SE are the weights of the models in each block and their
	// standard errors: one row a block of Blocks, one number a model of Names. A
	// block's weights sum to 1 within their errors. An error is +Inf where nothing
	// is known of a weight, and should be that of the fit where a weight was set
	// to 0.
	Weights, SE [][]float64

	Base int // the model that add differences subtract as a rule, or -1; any that weighs less than 0 may be subtracted
	Kept int // the model whose tensors the target has where nothing is merged, or -1
}

// A Chain is the merges that were found.
type Chain struct {
	// Recipe has every ratio in place. Where a row is one number it is that in all
	// blocks searched; in other blocks the recipe's result is its first model.
	Recipe *recipe.Recipe

	Bits float64 // the length of the description

	// Alternatives are other chains whose descriptions are as short, within a
	// bit, with the shortest first. One with fewer rows of one number stands here
	// rather than being the chain.
	Alternatives []Alternative

	pieces []placed
}

// An Alternative is a chain that is as short as the one chosen.
type Alternative struct {
	Recipe *recipe.Recipe
	Bits   float64
}

// Find returns the chain with the shortest description. The error is [ErrNone],
// possibly wrapped, if there is none; any other is ctx's, or a problem that makes no
// sense.
func Find(ctx context.Context, p *Problem) (*Chain, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	best := p.divide(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(best) == 0 {
		return nil, ErrNone
	}
	return p.chain(best)
}

// check reports what is wrong with the problem's shape.
func (p *Problem) check() error {
	switch {
	case p.Layout == nil || len(p.Blocks) == 0 || len(p.Names) == 0:
		return errors.New("a chain needs a layout, blocks and models")
	case len(p.Names) > MaxModels:
		return fmt.Errorf("%w: %d models are more than %d", ErrNone, len(p.Names), MaxModels)
	case len(p.Weights) != len(p.Blocks) || len(p.SE) != len(p.Blocks):
		return fmt.Errorf("weights of %d blocks and errors of %d for %d blocks", len(p.Weights), len(p.SE), len(p.Blocks))
	case p.Base >= len(p.Names) || p.Kept >= len(p.Names):
		return fmt.Errorf("base %d and kept %d of %d models", p.Base, p.Kept, len(p.Names))
	}
	for b, id := range p.Blocks {
		if int(id) >= p.Layout.Len() || b > 0 && id <= p.Blocks[b-1] {
			return fmt.Errorf("block %d: not a block of %v, or not in order", id, p.Layout)
		}
		if len(p.Weights[b]) != len(p.Names) || len(p.SE[b]) != len(p.Names) {
			return fmt.Errorf("block %s: %d weights and %d errors for %d models", p.Layout.Name(id), len(p.Weights[b]), len(p.SE[b]), len(p.Names))
		}
		for i, se := range p.SE[b] {
			w := p.Weights[b][i]
			if !(se >= 0) || !math.IsInf(se, 1) && (math.IsNaN(w) || math.IsInf(w, 0)) {
				return fmt.Errorf("block %s: weight %v with error %v", p.Layout.Name(id), w, se)
			}
		}
	}
	return nil
}
