// Package missing makes files of what a study could not explain: the source that
// is missing as far as it can be seen, the difference that is left, or the LoRA
// that was baked in.
//
// R = T - sum of w_i S_i is what the sources leave of the target. A [Gap] has it,
// from a study whose run has come to its end; it reads the models anew, a few
// tensors at a time.
package missing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
	"mixmatch/similarity/residual"
	"mixmatch/studies"
)

// ErrNothing is wrapped where there is nothing to write.
var ErrNothing = errors.New("there is nothing to write")

// A Gap is what is missing from a study. The caller closes it.
type Gap struct {
	Summary *studies.Summary
	Notes   []string // what was assumed

	pool   *merge.Pool
	target *merge.Model
	gram   *similarity.Gram
	blocks *similarity.Blocks
	ids    []block.ID
	proof  *similarity.Evidence
	recipe *recipe.Recipe
	base   int // that differences are measured from
	rest   residual.Rest
}

// Open opens the models of a study. The error wraps [ErrNothing] if its
// recipe explains the target, or is not linear.
func Open(ctx context.Context, files *studies.Files) (*Gap, error) {
	dir := files.Dir()
	sum, err := studies.ReadSummary(dir)
	if err != nil {
		return nil, err
	}
	r, err := sum.Parse()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w: \"resume\" makes it anew", dir, studies.ErrDamaged, err)
	}
	if !r.Linear() {
		return nil, fmt.Errorf("%w: the recipe of %s is not linear, and what a source adds to it cannot be told", ErrNothing, dir)
	}
	if sum.Verdict == similarity.Exact {
		return nil, fmt.Errorf("%w: nothing is missing from %s: its recipe explains the target, but for rounding", ErrNothing, dir)
	}
	pool, target, err := files.Models(ctx)
	if err != nil {
		return nil, err
	}
	g := &Gap{Summary: sum, pool: pool, target: target, recipe: r}
	if err := g.read(ctx, dir); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// Close closes the models.
func (g *Gap) Close() {
	for _, m := range append(slices.Clone(g.pool.Models), g.target) {
		m.Close()
	}
}

// Files returns the paths of the study's models.
func (g *Gap) Files() (paths []string) {
	for _, m := range append(slices.Clone(g.pool.Models), g.target) {
		paths = append(paths, m.File.Files()...)
	}
	return paths
}

// From returns the name of the model that differences are measured from.
func (g *Gap) From() string { return g.pool.Models[g.base].Name }

// read gets the products and what follows from them.
func (g *Gap) read(ctx context.Context, dir string) error {
	var err error
	if g.gram, err = studies.Products(dir); err != nil {
		return err
	}
	_, scale, err := g.gram.Unscale(ctx, g.recipe.Layout.Arch())
	if err != nil {
		return err
	}
	if scale != 1 {
		return fmt.Errorf("%w: the target is a mix times %.6g: divide it by that first", ErrNothing, scale)
	}
	g.blocks = g.gram.Blocks(g.recipe.Layout)
	for id := range g.recipe.Layout.Blocks().All() {
		for _, group := range g.Summary.Groups {
			if group.Name == g.recipe.Layout.GroupOf(id) && g.blocks.Has(id) {
				g.ids = append(g.ids, id)
			}
		}
	}
	base := g.pool.Index(g.Summary.Base)
	if g.proof, err = g.blocks.Weigh(ctx, g.ids, base); err != nil {
		return err
	}
	mix, err := merge.NewMix(g.pool, g.recipe)
	if err != nil {
		return err
	}
	g.rest = residual.Rest{Pool: g.pool, Target: g.target, Layout: g.recipe.Layout, Weights: mix.Weights, Root: mix.Root, VAE: -1, Grids: g.gram.Grids()}
	if g.Summary.VAE.Same {
		g.rest.VAE = g.pool.Index(g.Summary.VAE.Source)
	}
	if g.base = base; base < 0 {
		g.base = g.nearest()
		g.Notes = append(g.Notes, fmt.Sprintf("the study has no base: differences are measured from %s, the source nearest to the target, and what that has in common with what is missing is not seen", g.pool.Models[g.base].Name))
	}
	return nil
}

// nearest returns the source that is nearest to the target, of those that have all
// blocks.
func (g *Gap) nearest() int {
	best, least := 0, math.Inf(1)
	for i := range g.blocks.Names {
		sum := 0.0
		for _, id := range g.ids {
			if sum += g.blocks.Span(id, i); g.blocks.IsDifference(i) || g.blocks.Lacks(id, i) {
				sum = math.Inf(1)
			}
		}
		if sum < least {
			best, least = i, sum
		}
	}
	return best
}
