package studies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// Published is what similar.py would print of a recipe, and how a search by
// attention did on inputs that it was not fitted to.
type published struct {
	Groups map[block.Group]publishedGroup `json:"groups,omitempty"`
	Notes  []string                       `json:"notes,omitempty"`
}

// A publishedGroup holds the numbers of a group's blocks. They depend on the list
// of blocks they were printed with: -o for the outputs, -i -m for the inputs.
type publishedGroup struct {
	Blocks map[string]publishedBlock `json:"blocks"`          // by name
	Steps  []float64                 `json:"steps,omitempty"` // the mean over the blocks after each step; none if a block could not be measured
	notes  []string                  // those of published, too
}

type publishedBlock struct {
	Value    float64   `json:"value"`
	likeness *Likeness // nil unless the metric is the attention similarity
}

// publish measures the attention of the recipe printed, whose searches w holds,
// in the groups named.
func (p *problem) publish(ctx context.Context, w *written, printed *recipe.Recipe, groups []block.Group) (*published, error) {
	all := &published{Groups: map[block.Group]publishedGroup{}}
	a := p.attention
	if a == nil {
		var err error
		if a, err = p.openAttentionModels(ctx, p.blocks.Layout); errors.Is(err, merge.ErrMismatch) {
			all.Notes = append(all.Notes, fmt.Sprintf("no attention similarity: %v", err))
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		defer a.close()
	}
	if len(a.heads) == 0 || !printed.Linear() {
		return all, nil
	}
	tell := p.tellComparing(a.heads, groups)
	for _, group := range groups {
		g, err := p.publishGroup(ctx, a, group, w, printed, tell)
		if p.attention == nil && (errors.Is(err, merge.ErrMismatch) || errors.Is(err, merge.ErrNonFinite)) {
			g.notes = append(g.notes, fmt.Sprintf("no attention similarity of the %s: %v", group, err))
			err = nil
		}
		if err != nil {
			return nil, err
		}
		all.Groups[group] = g
		all.Notes = append(all.Notes, g.notes...)
	}
	for _, f := range append(slices.Clone(a.models), a.target) {
		if err := f.Changed(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrChanged, err)
		}
	}
	return all, nil
}

// publishGroup measures the attention of a group's blocks. With an error it
// returns the blocks before the one that has it.
func (p *problem) publishGroup(ctx context.Context, a *attentionModels, group block.Group, w *written, printed *recipe.Recipe, tell func(similarity.Head)) (publishedGroup, error) {
	layout := p.blocks.Layout
	g := publishedGroup{Blocks: map[string]publishedBlock{}}
	heads := slices.DeleteFunc(slices.Clone(a.heads), func(h similarity.Head) bool { return layout.GroupOf(h.Block) != group })
	if len(heads) == 0 {
		return g, nil
	}
	steps := make([]float64, len(printed.Steps))
	last := len(steps) - 1
	var against doubts
	take := func(h similarity.Head, values []float64, like *Likeness) {
		for i := range steps {
			steps[i] += values[i]
		}
		if like != nil {
			like.Published, like.ByWeights.Published = values[last], values[last+1]
			against.add(p.blocks, h.Block, like)
		}
		g.Blocks[layout.Name(h.Block)] = publishedBlock{values[last], like}
		tell(h)
	}
	mixesOf := func(h similarity.Head) (mixes [][]float64) {
		for i := range printed.Steps {
			prefix := &recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i+1]}
			mixes = append(mixes, weightsOf(p.blocks, prefix.Program(), prefix.Column(h.Block)))
		}
		return mixes
	}
	calculator := similarity.Calculators()[0]
	var known *likes
	if p.attention == nil {
		known = newLikes(p.options.Cache, calculator.Name, a, layout, heads)
	}
	knownOf := func(h similarity.Head) []float64 { return known.of(layout.Name(h.Block), mixesOf(h)) }
	compute := func(h similarity.Head, x []float32) error {
		if values := knownOf(h); values != nil {
			take(h, values, nil)
			return nil
		}
		mixes := mixesOf(h)
		var like *Likeness
		if p.attention != nil {
			var err error
			if like, err = p.likenessIn(ctx, h, w, mixes[last]); err != nil {
				return err
			}
			mixes = append(mixes, like.mixes[0])
		}
		rows, err := h.Mixes(ctx, [][]float32{x}, a.models, a.target, mixes, p.options.Threads)
		if err != nil {
			return err
		}
		known.add(layout.Name(h.Block), mixes, rows[0])
		take(h, rows[0], like)
		return nil
	}
	if slices.ContainsFunc(heads, func(h similarity.Head) bool { return knownOf(h) == nil }) {
		err := calculator.Inputs(ctx, heads, compute)
		known.keep() // those that are finished, too
		if err != nil {
			return g, err
		}
	} else { // and no input need be drawn
		for _, h := range heads {
			take(h, knownOf(h), nil)
		}
	}
	for i := range steps {
		steps[i] /= float64(len(heads))
	}
	g.Steps, g.notes = steps, against.notes()
	return g, nil
}

// likenessIn returns a copy of what the search of h's block found. Where there
// was none, because nothing was open in it, both its mixes are that of weights w.
func (p *problem) likenessIn(ctx context.Context, h similarity.Head, found *written, w []float64) (*Likeness, error) {
	if like := found.likeness(h.Block); like != nil {
		again := *like
		return &again, nil
	}
	like := &Likeness{mixes: [2][]float64{w, w}}
	err := p.attention.scoreHeldOut(ctx, h, like)
	like.Fitted, like.ByWeights.Fitted = like.HeldOut, like.ByWeights.HeldOut
	return like, err
}

// addPublished adds the attention similarities of the recipe to the summary.
func (s *Summary) addPublished(all *published) {
	for i := range s.Groups {
		g := &s.Groups[i]
		from := all.Groups[g.Name]
		g.addPublished(from)
		for k, v := range from.Steps {
			s.Steps[k].Published[g.Name] = v
		}
	}
	s.Notes = append(s.Notes, all.Notes...)
}

// addPublished adds the group's attention similarities.
func (g *Group) addPublished(from publishedGroup) {
	for k := range g.Blocks {
		b := &g.Blocks[k]
		if q, ok := from.Blocks[b.Name]; ok {
			b.Published, b.Attention = &q.Value, q.likeness
		}
	}
	if n := len(from.Steps); n > 0 {
		g.Published = &from.Steps[n-1]
		g.meanAttention()
	}
}

// meanAttention sets the group's attention similarity to the means of its blocks'.
func (g *Group) meanAttention() {
	m, n := &Likeness{}, 0.0
	for _, b := range g.Blocks {
		if a := b.Attention; a != nil {
			m.Fitted += a.Fitted
			m.HeldOut += a.HeldOut
			m.Published += a.Published
			m.ByWeights.Fitted += a.ByWeights.Fitted
			m.ByWeights.HeldOut += a.ByWeights.HeldOut
			m.ByWeights.Published += a.ByWeights.Published
			n++
		}
	}
	if n == 0 {
		return
	}
	for _, v := range []*float64{
		&m.Fitted, &m.HeldOut, &m.Published,
		&m.ByWeights.Fitted, &m.ByWeights.HeldOut, &m.ByWeights.Published,
	} {
		*v /= n
	}
	g.Attention = m
}
