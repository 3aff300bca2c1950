// Package stepwise executes recipes as SuperMerger does: one step after the
// other, each step's model with numbers in the formats that a file of it would
// have. Where merge.Weighted rounds once, every step rounds here.
//
// [Outputs] says how a recipe's result is made, for [merge.Save] to write; a
// [Rehearsal] merges the tensors of one block for ratios that are being
// searched, and writes nothing. No model is ever whole in memory or on disk: all
// steps are done on one tensor, or on one chunk of it, before the next.
package stepwise

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
)

// ErrRecipe is wrapped when a recipe has a step that cannot be executed.
var ErrRecipe = errors.New("cannot be executed")

// Executable reports whether SuperMerger's arithmetic of the era can execute
// the steps of r, which must be free of holes, whatever the models. The error
// wraps [ErrRecipe].
func Executable(r *recipe.Recipe, era block.Era) error {
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.LoRA() != "" {
			continue
		}
		step := calcStep(s, era)
		step.Range = calc.Range{Lo: 0, Hi: 1} // measured later
		for id := range r.Layout.Blocks().All() {
			step.Alpha = s.Alpha[id].Value
			if s.HasBeta() {
				step.Beta = s.Beta[id].Value
			}
			alphas := []float64{step.Alpha}
			for _, e := range s.Elements {
				if e.Blocks.Has(id) {
					alphas = append(alphas, e.Ratio)
				}
			}
			for _, step.Alpha = range alphas {
				if err := step.Check(); err != nil {
					return fmt.Errorf("%w: step %s: %w", ErrRecipe, s.Out, err)
				}
			}
		}
	}
	return nil
}

// Outputs returns what the steps that mix was brought down from make of the
// models, with the arithmetic and the roundings that SuperMerger had in era. The
// tensors that a model computes with are stored as dtype, which is F16, BF16 or
// F32, or "" for as the last step has them.
//
// The cosine modes compare whole models first, which takes a pass over the
// files, and trainDifference looks where there is nothing to learn.
func Outputs(ctx context.Context, p *merge.Pool, mix *merge.Mix, era block.Era, dtype checkpoint.DType) (*merge.Outputs, error) {
	if err := Executable(mix.Recipe, era); err != nil {
		return nil, err
	}
	c := newChain(p, p.Keys(), mix.Recipe, era)
	made, err := c.result(ctx)
	if err != nil {
		return nil, err
	}
	outs := &merge.Outputs{
		Pool: p, Notes: append(p.Notes(), c.notes...),
		Overflow: "a step's result is infinite or no number, as it would be in SuperMerger: merge in one go",
	}
	var oneLarge sync.Mutex // one large tensor is computed at a time
	for _, key := range c.keys {
		n := made[key]
		if block.PartOf(key) == block.VAE && mix.VAE >= 0 {
			if t, ok := p.Models[mix.VAE].Tensor(key); ok {
				n = leaf(mix.VAE, t)
			}
		}
		if n == nil || block.PartOf(key) == block.EMA {
			continue
		}
		out := merge.Output{Tensor: checkpoint.Tensor{Name: key, DType: merge.Format(mix.Layout, key, n.dtype, dtype), Shape: n.shape}, From: n.model}
		if n.step != nil || n.baking != nil {
			out.Make, out.Whole = c.maker(n, &oneLarge), n.whole
		}
		outs.List = append(outs.List, out)
	}
	return outs, nil
}
