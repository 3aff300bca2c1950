package merge

import (
	"context"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
)

// A chain executes a recipe as SuperMerger does: step by step, each step's
// model with numbers in the formats that a file of it would have. No model is
// ever whole in memory or on disk: all steps are done on one tensor, or on one
// chunk of it, before the next.
type chain struct {
	*Pool
	recipe *recipe.Recipe
	era    block.Era
	notes  []string
	ranges map[string]calc.Range // of the cosine modes, by step
	same   map[string]bool       // answers of equal that will not change; nil to forget them
}

// Executable reports whether SuperMerger's arithmetic of the era can execute
// the steps that the mix was brought down from, whatever the models. The error
// wraps [ErrRecipe].
func (m *Mix) Executable(era block.Era) error {
	for i := range m.Recipe.Steps {
		s := &m.Recipe.Steps[i]
		step := calcStep(s, era)
		step.Range = calc.Range{Lo: 0, Hi: 1} // measured later
		for id := range m.Layout.Blocks().All() {
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

// chainJobs decides what becomes of every tensor of the output of a chain.
func (p *Pool) chainJobs(ctx context.Context, mix *Mix, o SaveOptions) ([]job, *Saved, error) {
	c := &chain{Pool: p, recipe: mix.Recipe, era: o.Compat, ranges: map[string]calc.Range{}}
	if c.era == "" {
		c.era = mix.Layout.Era()
	}
	if err := mix.Executable(c.era); err != nil {
		return nil, nil, err
	}
	made, err := c.result(ctx)
	if err != nil {
		return nil, nil, err
	}
	saved := &Saved{Notes: c.notes}
	var jobs []job
	ema := 0
	for _, key := range p.keys {
		n := made[key]
		switch part := block.PartOf(key); {
		case part == block.EMA:
			ema++
			continue
		case part == block.VAE && mix.VAE >= 0:
			if t, ok := p.Models[mix.VAE].Tensor(key); ok {
				n = leaf(mix.VAE, t)
			}
		}
		if n == nil {
			continue
		}
		j := job{key: key, from: n.model, out: checkpoint.Tensor{Name: key, DType: n.dtype, Shape: n.shape}}
		if n.step != nil {
			j.node = n
			saved.Merged++
		} else {
			saved.Copied++
		}
		j.convert(o.DType)
		jobs = append(jobs, j)
	}
	return jobs, saved, finish(jobs, saved, ema)
}

// result returns the tensors of the recipe's result, by key.
func (c *chain) result(ctx context.Context) (map[string]*node, error) {
	models := map[string]map[string]*node{}
	for _, name := range c.recipe.Sources() {
		i := c.Index(name)
		models[name] = map[string]*node{}
		for _, key := range c.keys {
			if t, ok := c.Models[i].Tensor(key); ok {
				models[name][key] = leaf(i, t)
			}
		}
	}
	needed := map[string]bool{c.recipe.Result(): true}
	for _, s := range slices.Backward(c.recipe.Steps) {
		for _, name := range s.Operands() {
			needed[name] = needed[name] || needed[s.Out]
		}
	}
	for i := range c.recipe.Steps {
		s := &c.recipe.Steps[i]
		if !needed[s.Out] {
			continue
		}
		made, err := c.runStep(ctx, s, models[s.A], models[s.B], models[s.C])
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", s.Out, err)
		}
		models[s.Out] = made
	}
	return models[c.recipe.Result()], nil
}
