package compose

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/recipe"
	"mixmatch/studies/compose/chain"
)

// AuthorsOwn returns the steps that whoever made the target took, as far as the
// weights of its sources tell: the chain of merges with the shortest description
// (package chain), with notes on what else it might be. Every ratio is in place. The
// error wraps [ErrStyle] if no chain has the weights, or none whose numbers leave
// what is unexplained as it is, within its noise.
//
// base is the model that add differences subtract as a rule, first the one whose
// tensors the target has where nothing is merged; -1 for any.
func (c *Composition) AuthorsOwn(ctx context.Context, base, first int) (r *recipe.Recipe, notes []string, err error) {
	if len(c.order) == 1 && len(c.loras) > 0 {
		r = &recipe.Recipe{Layout: c.blocks.Layout}
		if err := c.addLoRAs(ctx, r); err != nil {
			return nil, nil, err
		}
		return r, nil, c.close(r)
	}
	p := &chain.Problem{Layout: c.blocks.Layout, Blocks: c.ids, Base: slices.Index(c.order, base), Kept: slices.Index(c.order, first)}
	for _, i := range c.order {
		p.Names = append(p.Names, c.blocks.Names[i])
	}
	for _, id := range c.ids {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		// The errors are those of a fit of all, since a weight may be nothing only
		// within its own.
		all, err := c.blocks.Fit(id, c.present(id, slices.Concat(c.order, c.loras)), nil)
		if err != nil {
			return nil, nil, err
		}
		var weights, errs []float64
		for _, i := range c.order {
			w, se := c.fits[id].Weights[i], c.tolerance(id, c.fits[id], i)/roundingTolerance
			switch {
			case c.blocks.Lacks(id, i):
				w, se = 0, 1e-9
			case !slices.Contains(c.sources[id], i):
				w, se = 0, c.tolerance(id, all, i)/roundingTolerance
			}
			weights, errs = append(weights, w), append(errs, max(se, 1e-9))
		}
		p.Weights, p.SE = append(p.Weights, weights), append(p.SE, errs)
	}
	found, err := chain.Find(ctx, p)
	if errors.Is(err, chain.ErrNone) {
		return nil, nil, fmt.Errorf("%w: %w", ErrStyle, err)
	}
	if err != nil {
		return nil, nil, err
	}
	r = found.Recipe
	if err := errors.Join(c.addLoRAs(ctx, r), c.close(r)); err != nil {
		return nil, nil, err
	}
	if s := found.Remark(); s != "" {
		notes = append(notes, strings.TrimSuffix(s, "."))
	}
	return r, notes, nil
}

// close returns an error that wraps [ErrStyle] if the numbers of r leave more
// unexplained than the best mix does, beyond its noise.
func (c *Composition) close(r *recipe.Recipe) error {
	for _, id := range c.ids {
		w := make([]float64, len(c.blocks.Names))
		for name, v := range r.Flatten(id) {
			w[slices.Index(c.blocks.Names, name)], _ = v.Float64()
		}
		best := c.blocks.Distance(id, c.fits[id].Weights)
		stored, half := c.blocks.Floor(id)
		if c.blocks.Distance(id, w) > best+math.Max(c.worth(id)*10*best, 0.1*max(stored, min(half, best))) {
			return fmt.Errorf("%w: the numbers of the shortest chain are off in %s", ErrStyle, c.blocks.Layout.Name(id))
		}
	}
	return nil
}

// Proven reports whether the sources leave nothing but rounding in all blocks.
func (c *Composition) Proven() bool { return c.proof.Exact }
