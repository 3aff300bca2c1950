package studies

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
)

// searchTemplate fills the holes of a given recipe: first those that a group
// shares, group by group, then each block's own with the shared ones in place.
func (r *run) searchTemplate(ctx context.Context) error {
	r.recipe = r.holed.Clone()
	r.leave()
	if len(r.ids) == 0 {
		return fmt.Errorf("%w: no block is left to search: %s", ErrInvalid, strings.Join(r.notes, "; "))
	}
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
		q := r.blockSearch(ctx, id, holes)
		if err := q.begin(ctx); err != nil {
			return err
		}
		searches = append(searches, r.attentive(ctx, q))
	}
	if err := r.fill(ctx, searches); err != nil {
		return err
	}
	r.close()
	return nil
}

// blockSearch is the function of that name for the recipe being filled, linear
// or not.
func (r *run) blockSearch(ctx context.Context, id block.ID, holes []hole) *search {
	q := blockSearch(r.blocks, r.recipe, id, holes)
	if r.stage == nil {
		return q
	}
	score, column := r.stage.scorer(ctx, id), r.recipe.Column(id)
	q.staged = true
	q.score = func(x []float64) (float64, error) {
		for k, h := range holes {
			column[h.pos] = x[k]
		}
		v, _, err := score(column)
		return 1 - v, err
	}
	return q
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
			if len(q.blocks) == 1 && q.finish == nil {
				r.reached[id] = 1 - best[i].Value
			}
		}
		x := q.found
		if q.finish == nil {
			if x, err = shorten(best[i].X, q.holes, best[i].Value, slack(best[i].Value, len(q.holes), length), q.score); err != nil {
				return err
			}
		}
		for _, id := range q.blocks {
			for k, h := range q.holes {
				if r.recipe.Ratio(id, h.pos).Hole == q.kind {
					r.recipe.SetRatio(id, h.pos, recipe.Ratio{Value: x[k]})
				}
			}
		}
	}
	return nil
}

// lacking returns a model that weights w give a share of block id though it has
// no such tensors, or -1.
func (r *run) lacking(id block.ID, w []float64) int {
	for i, v := range w {
		if math.Abs(v) > 1e-9 && r.blocks.Lacks(id, i) {
			return i
		}
	}
	return -1
}

// leave takes out of the search the blocks in which the recipe mixes a model
// that has no such tensors.
func (r *run) leave() {
	if r.stage != nil {
		return // steps leave out the models that lack tensors
	}
	program := r.recipe.Program()
	r.ids = slices.DeleteFunc(r.ids, func(id block.ID) bool {
		column := r.recipe.Column(id)
		for k, pos := range r.recipe.Holes(id) {
			column[pos] = 0.37 + 0.011*float64(k) // no ratios at which shares cancel
		}
		i := r.lacking(id, weightsOf(r.blocks, program, column))
		if i >= 0 {
			r.notes = append(r.notes, fmt.Sprintf("%s was not searched: the recipe mixes %s, which has no such tensors", r.blocks.Layout.Name(id), r.blocks.Names[i]))
		}
		return i >= 0
	})
}

// close gives the holes that were not searched the ratio nearest to 0 in their
// bounds, which is nearest to model A, and says so.
func (r *run) close() {
	var open []string
	for id := range r.blocks.Layout.Blocks().All() {
		holes := r.recipe.Holes(id)
		for _, pos := range holes {
			r.recipe.SetRatio(id, pos, recipe.Ratio{Value: r.recipe.Ratio(id, pos).Value})
		}
		if len(holes) > 0 {
			open = append(open, r.blocks.Layout.Name(id))
		}
	}
	if len(open) > 0 {
		r.notes = append(r.notes, fmt.Sprintf("holes in blocks that were not searched became 0, or the bound nearest to it: %s", strings.Join(open, " ")))
	}
}

// groupSearch returns the search for the holes that blocks of a group share, or
// nil if there are none. Its value is the mean over the blocks, each with its
// own holes at their best for the shared ratios tried.
func (r *run) groupSearch(ctx context.Context, group block.Group) (*search, error) {
	// No block has such a name, on any file system.
	q := &search{name: "group-" + string(group), kind: recipe.Shared}
	for _, id := range r.ids {
		if r.blocks.Layout.GroupOf(id) != group {
			continue
		}
		shared := holesOf(r.recipe, id, recipe.Shared)
		if len(shared) == 0 {
			continue
		}
		q.blocks = append(q.blocks, id)
		for _, h := range shared {
			at := slices.IndexFunc(q.holes, func(o hole) bool { return o.pos == h.pos })
			if at < 0 {
				q.holes = append(q.holes, h)
				continue
			}
			o := &q.holes[at]
			if o.lo, o.hi = max(o.lo, h.lo), min(o.hi, h.hi); o.lo > o.hi {
				return nil, fmt.Errorf("%w: the bounds of a ratio that the %s share leave no room in %s", ErrInvalid, group, r.blocks.Layout.Name(id))
			}
		}
	}
	if len(q.holes) == 0 {
		return nil, nil
	}
	slices.SortFunc(q.holes, func(a, b hole) int { return a.pos - b.pos })
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
// shared ratios given, where the block has them, and the block's own at their
// best. It depends on the shared ratios alone, so that a search over them can
// be replayed.
func (r *run) part(ctx context.Context, id block.ID, shared []hole) (func([]float64) (float64, error), error) {
	var here []int // those of the shared holes that this block has
	var both []hole
	for k, h := range shared {
		if r.recipe.Ratio(id, h.pos).Hole == recipe.Shared {
			here = append(here, k)
			both = append(both, h)
		}
	}
	own := holesOf(r.recipe, id, recipe.Own)
	all := r.blockSearch(ctx, id, append(both, own...))
	point := make([]float64, len(all.holes))
	fill := func(x []float64) {
		for i, k := range here {
			point[i] = x[k]
		}
	}
	if len(own) == 0 {
		return func(x []float64) (float64, error) {
			fill(x)
			return all.score(point)
		}, nil
	}
	if err := all.begin(ctx); err != nil {
		return nil, err
	}
	start := all.start[len(here):]
	inner := (&search{name: all.name, kind: recipe.Own, holes: own, start: start}).settings(&r.Plan)
	inner.Sampler, inner.Trials, inner.Polish = "random", 0, all.patience(60)
	return func(x []float64) (float64, error) {
		fill(x)
		best, err := optimize.Minimize(ctx, func(y []float64) (float64, error) {
			copy(point[len(here):], y)
			return all.score(point)
		}, inner)
		return best.Value, err
	}, nil
}
