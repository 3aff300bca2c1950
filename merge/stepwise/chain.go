package stepwise

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/recipe"
)

// A chain is a recipe that is executed on some keys of a pool's models.
type chain struct {
	*merge.Pool
	keys   []string
	recipe *recipe.Recipe
	era    block.Era
	notes  []string
	ranges map[string]calc.Range // of the cosine modes, by step
	same   map[string]bool       // answers of equal that will not change; nil to forget them
	spare  sync.Pool             // of *evaluator, for elements at a time
}

func newChain(p *merge.Pool, keys []string, r *recipe.Recipe, era block.Era) *chain {
	return &chain{Pool: p, keys: keys, recipe: r, era: era, ranges: map[string]calc.Range{}}
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
		var made map[string]*node
		var err error
		if s.LoRA() != "" {
			made, err = c.addLoRA(s, models[s.A])
		} else {
			made, err = c.runStep(ctx, s, models[s.A], models[s.B], models[s.C])
		}
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", s.Out, err)
		}
		models[s.Out] = made
	}
	return models[c.recipe.Result()], nil
}
