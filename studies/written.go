package studies

import (
	"context"
	"errors"
	"fmt"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/studies/compose"
)

// Written is the third phase of a run: the searches, and the recipe with what
// they found.
type written struct {
	recipe   *recipe.Recipe // no holes, ratios as printed
	searches []found        // in the order in which they were written down
	notes    []string
}

// solve searches the recipe's holes and writes down what is found.
func (p *problem) solve(ctx context.Context) (*written, error) {
	if p.steps != nil {
		return p.solveComposed(ctx)
	}
	return p.solveTemplate(ctx)
}

// trials returns how many trials the search called name took.
func (w *written) trials(name string) (n int) {
	for _, f := range w.searches {
		if f.name == name {
			n += f.trials
		}
	}
	return n
}

// searched returns the best cosine that the search of block id alone found
// before its ratios were rounded, if there was one.
func (w *written) searched(id block.ID) (v float64, ok bool) {
	for _, f := range w.searches {
		if len(f.blocks) == 1 && f.blocks[0] == id && f.finish == nil {
			v, ok = 1-f.best.Value, true
		}
	}
	return v, ok
}

// likeness returns what a search by the attention similarity found in block id,
// or nil if there was none.
func (w *written) likeness(id block.ID) *Likeness {
	for _, f := range w.searches {
		if f.likeness != nil && f.blocks[0] == id {
			return f.likeness
		}
	}
	return nil
}

// solveComposed searches each block around its closed form, and writes the
// ratios down as short as the error bars allow.
func (p *problem) solveComposed(ctx context.Context) (*written, error) {
	var searches []*search
	for _, id := range p.ids {
		holes := holesOf(p.recipe, id, recipe.Own)
		if len(holes) == 0 {
			continue
		}
		s := p.blockSearch(ctx, p.recipe, id, holes)
		x := p.steps.Best(id)
		for _, h := range holes {
			s.start = append(s.start, x[h.pos])
		}
		searches = append(searches, p.byAttention(ctx, p.recipe, s))
	}
	results, err := p.runSearches(ctx, searches)
	if err != nil {
		return nil, err
	}
	columns, err := p.steps.Rounded(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range results {
		id := f.blocks[0]
		x, err := p.betterThan(columns[id], f)
		if err != nil {
			return nil, err
		}
		if x != nil {
			f.fill(columns[id], x)
		}
	}
	w := &written{recipe: p.recipe.Clone(), searches: results}
	for _, id := range p.ids {
		w.recipe.SetColumn(id, columns[id])
	}
	if err := p.asItsAuthor(ctx, w); err != nil {
		return nil, err
	}
	w.recipe = p.fillEmpty(w.recipe)
	return w, nil
}

// fillEmpty returns r with rows that are one number in all blocks searched, so that
// they are written as one, if no model holds anything in the others.
func (p *problem) fillEmpty(r *recipe.Recipe) *recipe.Recipe {
	r = r.Clone()
	l := r.Layout
	others := l.Blocks()
	for _, id := range p.ids {
		others = others.Minus(block.Set{}.With(id))
	}
	for id := range others.All() {
		if !p.blocks.Empty(id) {
			return r
		}
	}
	for i := range r.Steps {
		for _, row := range []recipe.Row{r.Steps[i].Alpha, r.Steps[i].Beta} {
			one := row != nil
			for _, id := range p.ids {
				one = one && row[id] == row[p.ids[0]]
			}
			for id := range others.All() {
				if one {
					row[id] = row[p.ids[0]]
				}
			}
		}
	}
	return r
}

// asItsAuthor writes the recipe as whoever made the target did, if that is the
// style wanted and the searches were by the cosine, which the closed form solves.
// The searches were of the fewest steps to the same weights.
func (p *problem) asItsAuthor(ctx context.Context, w *written) error {
	style := p.Plan.Style
	if p.Plan.Metric == Attention || style != compose.Author && (style != compose.Default || !p.steps.Proven()) {
		return nil
	}
	r, notes, err := p.steps.AuthorsOwn(ctx, p.Plan.base(), p.first)
	if errors.Is(err, compose.ErrStyle) {
		if style == compose.Author {
			w.notes = append(w.notes, err.Error())
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.Plan.makes(p.blocks.Layout.Arch(), r); err != nil {
		w.notes = append(w.notes, fmt.Sprintf("the steps with the shortest description are others: %v", err))
		return nil
	}
	w.recipe, w.notes = r, append(w.notes, notes...)
	return nil
}

// betterThan returns the ratios that a search of one block found, if they are to
// be written in place of the column composed, else nil. The search may know
// better than the closed form. It cannot where the metric is the cosine; then
// what differs is rounding.
func (p *problem) betterThan(column []float64, f found) ([]float64, error) {
	if f.ratios != nil {
		return f.ratios, nil
	}
	x := make([]float64, len(f.holes))
	for k, h := range f.holes {
		x[k] = column[h.pos]
	}
	v, err := f.score(x)
	if err != nil {
		return nil, err
	}
	slack := compose.Slack(f.best.Value, len(x), p.blocks.Len(f.blocks[0]))
	if v <= f.best.Value+float64(25*slack) {
		return nil, nil
	}
	return compose.Shorten(f.best.X, f.box(), f.best.Value, slack, f.score)
}
