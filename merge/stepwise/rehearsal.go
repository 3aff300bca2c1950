package stepwise

import (
	"context"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/recipe"
)

// A Rehearsal executes a recipe step by step, as [Outputs] does, without
// writing anything: to see what ratios that are to be found would give.
//
// What steps give that have the ratios of earlier times is kept in a cache, so
// that only those are done anew that come after the first ratio that changes.
type Rehearsal struct {
	pool   *merge.Pool
	recipe *recipe.Recipe
	era    block.Era
	ranges map[string]calc.Range
	cache  *cache
}

// Rehearsable reports whether r, which may have holes, can be rehearsed in the
// arithmetic of era. The error wraps [ErrRecipe] if ratios within the holes'
// bounds cannot be executed, or if a cosine mode compares models with holes:
// its range would tie all blocks together.
func Rehearsable(r *recipe.Recipe, era block.Era) error {
	for _, end := range []func(recipe.Ratio) float64{
		func(q recipe.Ratio) float64 { return q.Lo }, func(q recipe.Ratio) float64 { return q.Hi },
	} {
		if err := Executable(closed(r, end), era); err != nil {
			return err
		}
	}
	open := map[string]bool{} // models that depend on holes
	for i := range r.Steps {
		s := &r.Steps[i]
		if isCosine(s) {
			for _, name := range []string{s.A, s.B} {
				if open[name] {
					return fmt.Errorf("%w: step %s: %s compares all blocks of %s, which has ratios to find; give those, or find them first", ErrRecipe, s.Out, s.Calc, name)
				}
			}
		}
		hole := func(q recipe.Ratio) bool { return q.Hole != recipe.Fixed }
		open[s.Out] = slices.ContainsFunc(s.Alpha, hole) || s.HasBeta() && slices.ContainsFunc(s.Beta, hole)
		for _, name := range s.Operands() {
			open[s.Out] = open[s.Out] || open[name]
		}
	}
	return nil
}

// NewRehearsal returns a rehearsal of r, which may have holes, in the
// arithmetic of era, with a cache of so many bytes. It reads the models of the
// cosine modes once. Errors are also those of [Rehearsable].
func NewRehearsal(ctx context.Context, p *merge.Pool, r *recipe.Recipe, era block.Era, cacheBytes int64) (*Rehearsal, error) {
	if err := r.Resolve(p.Names()); err != nil {
		return nil, err
	}
	if err := Rehearsable(r, era); err != nil {
		return nil, err
	}
	h := &Rehearsal{pool: p, recipe: r, era: era, ranges: map[string]calc.Range{}, cache: &cache{limit: cacheBytes, entries: map[mark]*entry{}}}
	if slices.ContainsFunc(r.Steps, func(s recipe.Step) bool { return isCosine(&s) }) {
		c := newChain(p, p.Keys(), r, era)
		c.ranges = h.ranges
		if _, err := c.result(ctx); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// closed returns r with a number in place of each hole.
func closed(r *recipe.Recipe, number func(recipe.Ratio) float64) *recipe.Recipe {
	r = r.Clone()
	for id := range r.Layout.Blocks().All() {
		x := r.Column(id)
		for _, pos := range r.Holes(id) {
			x[pos] = number(r.Ratio(id, pos))
		}
		r.SetColumn(id, x)
	}
	return r
}

func isCosine(s *recipe.Step) bool {
	return calc.Calc(s.Calc) == calc.CosineA || calc.Calc(s.Calc) == calc.CosineB
}

// A BlockRehearsal is the rehearsal of one block. It is for one goroutine;
// those of several blocks may be under way at once.
type BlockRehearsal struct {
	*Rehearsal
	id     block.ID
	chain  *chain
	recipe *recipe.Recipe
}

// Block returns the rehearsal of keys, which are of block id.
func (h *Rehearsal) Block(id block.ID, keys []string) *BlockRehearsal {
	b := &BlockRehearsal{Rehearsal: h, id: id, recipe: h.recipe.Clone()}
	b.chain = newChain(h.pool, keys, b.recipe, h.era)
	b.chain.ranges, b.chain.same = h.ranges, map[string]bool{}
	return b
}

// Name returns the block's name.
func (b *BlockRehearsal) Name() string { return b.recipe.Layout.Name(b.id) }

// Merge calls use for each of the block's keys with what the recipe makes of it
// with the ratios of column, as [recipe.Recipe.Column] has them. A key that the
// result lacks is left out. The tensor may be read until use returns.
func (b *BlockRehearsal) Merge(ctx context.Context, column []float64, use func(key string, t calc.Tensor) error) error {
	b.recipe.SetColumn(b.id, column)
	b.chain.notes = nil
	made, err := b.chain.result(ctx)
	if err != nil {
		return err
	}
	b.cache.next()
	for _, key := range b.chain.keys {
		n := made[key]
		if n == nil {
			continue
		}
		e := newEvaluator(b.pool, 0, 0, true)
		e.cache, e.root, e.marks = b.cache, n, map[*node]mark{}
		e.count(n)
		t, err := e.get(ctx, n)
		if err != nil {
			return err
		}
		if err := use(key, t); err != nil {
			return err
		}
	}
	return nil
}
