package missing

import (
	"context"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/difference"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
	"mixmatch/similarity/residual"
	"mixmatch/studies/compose"
)

// A LoRA is what was found to be baked into the target.
type LoRA struct {
	*residual.Result
	Explained float64 // 1 - |T-M|^2/|T-B|^2 of the recipe and the LoRA together
	Recipe    string  // the steps to add the LoRA to, in SuperMerger's notation
	Notes     []string
}

// FindLoRA looks for a LoRA in what is left, and for the recipe beside it: since a
// LoRA is not orthogonal to the sources, their weights are solved again outside of
// the directions found until they stand still.
func (g *Gap) FindLoRA(ctx context.Context, progress func(done, total int64)) (*LoRA, error) {
	l := g.recipe.Layout
	base := g.pool.Index(g.Summary.Base)
	var outside *similarity.Blocks
	solve := func(p *similarity.Gram) ([][]float64, error) {
		outside = p.Blocks(l)
		proof, err := outside.Weigh(ctx, g.ids, base)
		if err != nil {
			return nil, err
		}
		weights := make([][]float64, l.Len())
		for _, id := range g.ids {
			free := slices.DeleteFunc(slices.Sorted(slices.Values(proof.Chosen)), func(i int) bool { return outside.Lacks(id, i) })
			f, err := outside.Fit(id, free, nil)
			if err != nil {
				return nil, fmt.Errorf("block %s: %w", l.Name(id), err)
			}
			weights[id] = f.Weights
		}
		return weights, nil
	}
	result, err := g.rest.Explain(ctx, g.gram, solve, residual.Options{Progress: progress})
	if err != nil {
		return nil, err
	}
	a := &LoRA{Result: result}
	notes, err := g.rest.Notes(ctx, g.gram, result)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		a.Notes = append(a.Notes, n.Text)
	}
	if !result.Settled {
		a.Notes = append(a.Notes, "weights and LoRA had not come to rest when the search for them ended")
	}
	r, err := g.beside(ctx, outside)
	if err != nil {
		return nil, err
	}
	a.Recipe = r.String()
	left, span := 0.0, 0.0
	for i := range result.Tensors {
		t := &result.Tensors[i]
		if t.Governed && (t.Part() == block.UNet || t.Part() == block.TextEncoder) && slices.Contains(g.ids, t.Block) {
			left += t.Outside()
		}
	}
	for _, id := range g.ids {
		span += g.blocks.Span(id, g.base)
	}
	if span > 0 {
		a.Explained = 1 - left/span
	}
	return a, nil
}

// beside composes the recipe whose result the LoRA was added to, from products
// outside of its directions.
func (g *Gap) beside(ctx context.Context, outside *similarity.Blocks) (*recipe.Recipe, error) {
	base := g.pool.Index(g.Summary.Base)
	c, err := compose.New(ctx, outside, g.ids, compose.Options{Base: base, First: -1, Style: compose.Fewest})
	if err != nil {
		return nil, err
	}
	if r, _, err := c.AuthorsOwn(ctx, base, -1); err == nil {
		return r, nil
	}
	columns, err := c.Rounded(ctx)
	if err != nil {
		return nil, err
	}
	r := c.Recipe()
	for _, id := range g.ids {
		r.SetColumn(id, columns[id])
	}
	return r, nil
}

// WriteLoRA writes a in kohya's layout. rank, if not 0, is the most directions that
// a matrix keeps; the error wraps [ErrNothing] if a matrix has no such rank.
func (g *Gap) WriteLoRA(ctx context.Context, path, name string, a *LoRA, rank int, o Options) error {
	if _, ok := a.LoRA(); !ok {
		return fmt.Errorf("%w: what is left is no LoRA: no matrix of it is a few strong directions; without --lora it is written as a model", ErrNothing)
	}
	for i := range a.Tensors {
		for _, p := range a.Tensors[i].Pieces {
			if most := min(p.Rows, p.Cols); p.Rank > 0 && rank > most {
				return fmt.Errorf("%w of rank %d: %s is a matrix of %d by %d, which has a rank of %d at most", ErrNothing, rank, a.Tensors[i].Key, p.Rows, p.Cols, most)
			}
		}
	}
	modules, nameless := a.Modules(g.recipe.Layout.Arch())
	if len(nameless) > 0 {
		return fmt.Errorf("%w: kohya's layout has no name for %q", ErrNothing, nameless[0])
	}
	return difference.WriteLoRA(ctx, path, modules, difference.LoRAOptions{
		Arch: g.recipe.Layout.Arch(), DType: o.DType, Rank: rank, Output: name, Force: o.Force, Progress: o.Progress,
		Metadata: map[string]string{
			"mixmatch":        "seen in what the sources of " + g.Summary.Target + " leave unexplained; no training data is known",
			"mixmatch.recipe": a.Recipe,
		},
	})
}
