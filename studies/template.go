package studies

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
	"mixmatch/studies/compose"
)

// solveTemplate fills the holes of a given recipe: first those that a group
// shares, group by group, then each block's own with the shared ones in place.
func (p *problem) solveTemplate(ctx context.Context) (*written, error) {
	var searches []*search
	for _, group := range p.Plan.Groups {
		s, err := p.groupSearch(ctx, group)
		if err != nil {
			return nil, err
		}
		if s != nil {
			searches = append(searches, s)
		}
	}
	shared, err := p.runSearches(ctx, searches)
	if err != nil {
		return nil, err
	}
	r, err := p.fillHoles(p.recipe, shared)
	if err != nil {
		return nil, err
	}
	p.fillIdle(r, shared)
	searches = nil
	for _, id := range p.ids {
		holes := holesOf(r, id, recipe.Own)
		if len(holes) == 0 {
			continue
		}
		s := p.blockSearch(ctx, r, id, holes)
		if err := s.chooseStart(ctx); err != nil {
			return nil, err
		}
		searches = append(searches, p.byAttention(ctx, r, s))
	}
	own, err := p.runSearches(ctx, searches)
	if err != nil {
		return nil, err
	}
	if r, err = p.fillHoles(r, own); err != nil {
		return nil, err
	}
	r, notes := closeHoles(r)
	return &written{r, append(shared, own...), notes}, nil
}

// fillHoles returns r with what the searches found, shortened.
func (p *problem) fillHoles(r *recipe.Recipe, results []found) (*recipe.Recipe, error) {
	r = r.Clone()
	for _, f := range results {
		x := f.ratios
		if f.finish == nil {
			elements := 0
			for _, id := range f.blocks {
				elements += p.blocks.Len(id)
			}
			var err error
			slack := compose.Slack(f.best.Value, len(f.holes), elements)
			if x, err = compose.Shorten(f.best.X, f.box(), f.best.Value, slack, f.score); err != nil {
				return nil, err
			}
		}
		for _, id := range f.blocks {
			for k, h := range f.holes {
				if r.Ratio(id, h.pos).Hole == f.kind {
					r.SetRatio(id, h.pos, recipe.Ratio{Value: x[k]})
				}
			}
		}
	}
	return r, nil
}

// fillIdle gives the groups in which a LoRA changes nothing, so that no search can tell
// its ratio there, that of the first group in which it does.
func (p *problem) fillIdle(r *recipe.Recipe, results []found) {
	pos := 0
	for i := range r.Steps {
		s := &r.Steps[i]
		lora := slices.Index(p.blocks.Names, s.LoRA())
		tells := func(id block.ID) bool {
			return p.recipe.Ratio(id, pos).Hole == recipe.Shared && !p.blocks.Idle(id, lora)
		}
		var told []block.ID // one of each group that tells
		for _, f := range results {
			if at := slices.IndexFunc(f.blocks, tells); at >= 0 {
				told = append(told, f.blocks[at])
			}
		}
		for _, f := range results {
			if s.LoRA() == "" || len(told) == 0 || slices.ContainsFunc(f.blocks, tells) {
				continue
			}
			for _, id := range f.blocks {
				if p.recipe.Ratio(id, pos).Hole == recipe.Shared {
					r.SetRatio(id, pos, r.Ratio(told[0], pos))
				}
			}
		}
		if pos++; s.HasBeta() {
			pos++
		}
	}
}

// closeHoles returns r with the holes that were not searched at the ratio
// nearest to 0 in their bounds, which is nearest to model A, and says so.
func closeHoles(r *recipe.Recipe) (*recipe.Recipe, []string) {
	r = r.Clone()
	var open []string
	for id := range r.Layout.Blocks().All() {
		holes := r.Holes(id)
		for _, pos := range holes {
			r.SetRatio(id, pos, recipe.Ratio{Value: r.Ratio(id, pos).Value})
		}
		if len(holes) > 0 {
			open = append(open, r.Layout.Name(id))
		}
	}
	if len(open) == 0 {
		return r, nil
	}
	return r, []string{fmt.Sprintf("holes in blocks that were not searched became 0, or the bound nearest to it: %s", strings.Join(open, " "))}
}

// groupPrefix begins the names of searches that are a group's.
const groupPrefix = "group-"

// groupSearchName names the search of a group. No block has such a name, on any file
// system.
func groupSearchName(g block.Group) string { return groupPrefix + string(g) }

// groupSearch returns the search for the holes that blocks of a group share, or
// nil if there are none. Its value is the mean over the blocks, each with its
// own holes at their best for the shared ratios tried.
func (p *problem) groupSearch(ctx context.Context, group block.Group) (*search, error) {
	s := &search{name: groupSearchName(group), kind: recipe.Shared}
	for _, id := range p.ids {
		if p.blocks.Layout.GroupOf(id) != group {
			continue
		}
		shared := holesOf(p.recipe, id, recipe.Shared)
		if len(shared) == 0 {
			continue
		}
		s.blocks = append(s.blocks, id)
		for _, h := range shared {
			at := slices.IndexFunc(s.holes, func(o hole) bool { return o.pos == h.pos })
			if at < 0 {
				s.holes = append(s.holes, h)
				continue
			}
			o := &s.holes[at]
			if o.lo, o.hi = max(o.lo, h.lo), min(o.hi, h.hi); o.lo > o.hi {
				return nil, fmt.Errorf("%w: the bounds of a ratio that the %s share leave no room in %s", ErrInvalid, group, p.blocks.Layout.Name(id))
			}
		}
	}
	if len(s.holes) == 0 {
		return nil, nil
	}
	slices.SortFunc(s.holes, func(a, b hole) int { return a.pos - b.pos })
	var values []func(shared []float64) (float64, error)
	for _, id := range s.blocks {
		value, err := p.valueForShared(ctx, id, s.holes)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	s.score = func(x []float64) (float64, error) {
		sum := 0.0
		for _, value := range values {
			v, err := value(x)
			if err != nil {
				return 0, err
			}
			sum += v
		}
		return sum / float64(len(values)), nil
	}
	return s, s.chooseStart(ctx)
}

// valueForShared returns the function that gives block id's part of its group's
// value: 1 - cosine with the shared ratios given, where the block has them, and
// the block's own at their best. It depends on the shared ratios alone, so that
// a search over them can be replayed.
func (p *problem) valueForShared(ctx context.Context, id block.ID, shared []hole) (func([]float64) (float64, error), error) {
	var here []int // those of the shared holes that this block has
	var both []hole
	for k, h := range shared {
		if p.recipe.Ratio(id, h.pos).Hole == recipe.Shared {
			here = append(here, k)
			both = append(both, h)
		}
	}
	own := holesOf(p.recipe, id, recipe.Own)
	all := p.blockSearch(ctx, p.recipe, id, append(both, own...))
	point := make([]float64, len(all.holes))
	setShared := func(x []float64) {
		for i, k := range here {
			point[i] = x[k]
		}
	}
	if len(own) == 0 {
		return func(x []float64) (float64, error) {
			setShared(x)
			return all.score(point)
		}, nil
	}
	if err := all.chooseStart(ctx); err != nil {
		return nil, err
	}
	start := all.start[len(here):]
	inner := (&search{name: all.name, kind: recipe.Own, holes: own, start: start}).settings(&p.Plan)
	inner.Sampler, inner.Trials, inner.Polish = "random", 0, all.patience(60)
	return func(x []float64) (float64, error) {
		setShared(x)
		best, err := optimize.Minimize(ctx, func(y []float64) (float64, error) {
			copy(point[len(here):], y)
			return all.score(point)
		}, inner)
		return best.Value, err
	}, nil
}
