package compose

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/recipe"
	"mixmatch/studies/compose/chain"
)

// addLoRAs adds to r a step for each LoRA, behind its own steps, in ratios as a
// person would have typed them.
func (c *Composition) addLoRAs(ctx context.Context, r *recipe.Recipe) error {
	if len(c.loras) == 0 {
		return nil
	}
	last, final := c.blocks.Names[c.order[0]], c.unusedName("FINAL")
	if n := len(r.Steps); n > 0 {
		last, final = c.unusedName(fmt.Sprintf("TEMP%d", n)), r.Steps[n-1].Out
		r.Steps[n-1].Out = last
	}
	for k, i := range c.loras {
		row, err := c.typedRow(ctx, i)
		if err != nil {
			return err
		}
		s := recipe.Step{Mode: recipe.AddLoRA, A: last, B: c.blocks.Names[i], Alpha: row, Out: final}
		if k < len(c.loras)-1 {
			s.Out = c.unusedName(fmt.Sprintf("TEMP%d", len(r.Steps)+1))
		}
		r.Steps, last = append(r.Steps, s), s.Out
	}
	return nil
}

// typedRow returns the ratios of a LoRA in all blocks. Where it changes nothing any
// number will do.
func (c *Composition) typedRow(ctx context.Context, lora int) (recipe.Row, error) {
	var values, errs []float64
	for _, id := range c.ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fit := c.fits[id]
		if !slices.Contains(c.sources[id], lora) {
			all, err := c.blocks.Fit(id, c.present(id, append(slices.Clone(c.sources[id]), lora)), nil)
			if err != nil {
				return nil, err
			}
			fit = all
		}
		v, se := fit.Weights[lora], c.tolerance(id, fit, lora)/roundingTolerance
		if se <= 0 || math.IsInf(se, 1) {
			v, se = 0, math.Inf(1)
		}
		values, errs = append(values, v), append(errs, se)
	}
	numbers := chain.Numbers(values, errs)
	row := recipe.Uniform(c.blocks.Layout, 0)
	if !slices.ContainsFunc(numbers, func(v float64) bool { return v != numbers[0] }) {
		row = recipe.Uniform(c.blocks.Layout, numbers[0]) // blocks that were not searched, too
	}
	for k, id := range c.ids {
		row[id].Value = numbers[k]
	}
	return row, nil
}
