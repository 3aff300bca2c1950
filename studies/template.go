package studies

import (
	"context"
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
)

// searchTemplate fills the holes of a given recipe: first those that a group
// shares, group by group, then each block's own with the shared ones in place.
func (r *run) searchTemplate(ctx context.Context) error {
	r.recipe = r.holed.Clone()
	var searches []*search
	for _, group := range r.Plan.Groups {
		q, err := r.groupSearch(ctx, group)
		if err != nil {
			return err
		}
		if q != nil {
			searches = append(searches, q)
		}
	}
	if err := r.fill(ctx, searches); err != nil {
		return err
	}
	searches = nil
	for _, id := range r.ids {
		holes := holesOf(r.recipe, id, recipe.Own)
		if len(holes) == 0 {
			continue
		}
		q := blockSearch(r.blocks, r.recipe, id, holes)
		if err := q.begin(ctx); err != nil {
			return err
		}
		searches = append(searches, q)
	}
	if err := r.fill(ctx, searches); err != nil {
		return err
	}
	r.close()
	return nil
}

// fill runs searches and writes what they find, shortened, into the recipe.
func (r *run) fill(ctx context.Context, searches []*search) error {
	best, err := r.search(ctx, searches)
	if err != nil {
		return err
	}
	for i, q := range searches {
		length := 0
		for _, id := range q.blocks {
			length += r.blocks.Len(id)
			if len(q.blocks) == 1 {
				r.reached[id] = 1 - best[i].Value
			}
		}
		x, err := shorten(best[i].X, best[i].Value, slack(best[i].Value, len(q.holes), length), q.score)
		if err != nil {
			return err
		}
		for _, id := range q.blocks {
			for k, h := range q.holes {
				setRatio(r.recipe, id, h.pos, x[k])
			}
		}
	}
	return nil
}

// setRatio fixes one ratio of block id and leaves the other holes open.
func setRatio(r *recipe.Recipe, id block.ID, pos int, v float64) {
	for i := range r.Steps {
		rows := []recipe.Row{r.Steps[i].Alpha}
		if r.Steps[i].Mode == recipe.TripleSum || r.Steps[i].Mode == recipe.SumTwice {
			rows = append(rows, r.Steps[i].Beta)
		}
		if pos < len(rows) {
			rows[pos][id] = recipe.Ratio{Value: v}
			return
		}
		pos -= len(rows)
	}
}

// close gives the holes that were not searched the ratio 0, which keeps model
// A, and says so.
func (r *run) close() {
	var open []string
	for id := range r.blocks.Layout.Blocks().All() {
		holes := r.recipe.Holes(id)
		for _, pos := range holes {
			setRatio(r.recipe, id, pos, 0)
		}
		if len(holes) > 0 {
			open = append(open, r.blocks.Layout.Name(id))
		}
	}
	if len(open) > 0 {
		r.notes = append(r.notes, fmt.Sprintf("holes in blocks that were not searched became 0: %s", strings.Join(open, " ")))
	}
}

// groupSearch returns the search for the holes that the blocks of a group
// share, or nil if there are none. Its value is the mean over the blocks, each
// with its own holes at their best for the shared ratios tried.
func (r *run) groupSearch(ctx context.Context, group block.Group) (*search, error) {
	q := &search{name: "group-" + string(group)} // no block has such a name, on any file system
	for _, id := range r.ids {
		if r.blocks.Layout.GroupOf(id) == group {
			q.blocks = append(q.blocks, id)
		}
	}
	if len(q.blocks) == 0 {
		return nil, nil
	}
	q.holes = holesOf(r.recipe, q.blocks[0], recipe.Shared)
	if len(q.holes) == 0 {
		return nil, nil
	}
	var parts []func(shared []float64) (float64, error)
	for _, id := range q.blocks {
		part, err := r.part(ctx, id, q.holes)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	q.score = func(x []float64) (float64, error) {
		sum := 0.0
		for _, part := range parts {
			v, err := part(x)
			if err != nil {
				return 0, err
			}
			sum += v
		}
		return sum / float64(len(parts)), nil
	}
	return q, q.begin(ctx)
}

// part returns what block id adds to its group's value: 1 - cosine with the
// shared ratios given and the block's own at their best. It depends on the
// shared ratios alone, so that a search over them can be replayed.
func (r *run) part(ctx context.Context, id block.ID, shared []hole) (func([]float64) (float64, error), error) {
	own := holesOf(r.recipe, id, recipe.Own)
	score := scorer(r.blocks, r.recipe, id)
	column := r.recipe.Column(id)
	if len(own) == 0 {
		return func(x []float64) (float64, error) {
			for k, h := range shared {
				column[h.pos] = x[k]
			}
			v, err := score(column)
			return 1 - v, err
		}, nil
	}
	all := blockSearch(r.blocks, r.recipe, id, append(append([]hole{}, shared...), own...))
	if err := all.begin(ctx); err != nil {
		return nil, err
	}
	start := all.start[len(shared):]
	inner := blockSearch(r.blocks, r.recipe, id, own)
	return func(x []float64) (float64, error) {
		both := append(append([]float64{}, x...), start...)
		set := inner.settings(&r.Plan)
		set.Sampler, set.Trials, set.Start, set.Polish = "random", 0, start, 60*(1+len(own))
		best, err := optimize.Minimize(ctx, func(y []float64) (float64, error) {
			copy(both[len(x):], y)
			return all.score(both)
		}, set)
		return best.Value, err
	}, nil
}
