package studies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// publish adds to a summary what similar.py would print of the recipe found and
// of the model after each step, block by block, and, for a search by attention,
// how it did on inputs it was not fitted to.
func (r *run) publish(ctx context.Context, s *Summary) error {
	l := r.lens
	if l == nil {
		var err error
		if l, err = r.newLens(); errors.Is(err, merge.ErrMismatch) {
			s.Notes = append(s.Notes, fmt.Sprintf("no attention similarity: %v", err))
			return nil
		}
		if err != nil {
			return err
		}
		defer l.close()
	}
	if len(l.heads) == 0 || !r.recipe.Linear() {
		return nil
	}
	printed, err := s.Parse()
	if err != nil {
		return err
	}
	for i := range s.Groups {
		err := r.publishGroup(ctx, s, &s.Groups[i], l, printed)
		if r.lens == nil && (errors.Is(err, merge.ErrMismatch) || errors.Is(err, similarity.ErrNonFinite)) {
			s.Notes = append(s.Notes, fmt.Sprintf("no attention similarity of the %s: %v", s.Groups[i].Name, err))
			continue
		}
		if err != nil {
			return err
		}
	}
	for _, f := range append(slices.Clone(l.models), l.target) {
		if err := f.Changed(); err != nil {
			return fmt.Errorf("%w: %w", ErrChanged, err)
		}
	}
	return nil
}

// publishGroup publishes a group's blocks: similar.py's numbers depend on the
// list of blocks they were printed with, -o for the outputs, -i -m for the inputs.
func (r *run) publishGroup(ctx context.Context, s *Summary, g *Group, l *lens, printed *recipe.Recipe) error {
	layout := r.blocks.Layout
	heads := slices.DeleteFunc(slices.Clone(l.heads), func(h similarity.Head) bool { return layout.GroupOf(h.Block) != g.Name })
	if len(heads) == 0 {
		return nil
	}
	after := make([]float64, len(printed.Steps)) // sums over the blocks, by step
	var against doubts
	err := similarity.Calculators()[0].Inputs(heads, func(h similarity.Head, x []float32) error {
		var mixes [][]float64
		for i := range printed.Steps {
			prefix := &recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i+1]}
			mixes = append(mixes, weightsOf(r.blocks, prefix.Program(), prefix.Column(h.Block)))
		}
		found := l.found[h.Block]
		if r.lens != nil {
			if found == nil { // not searched: nothing was open in it
				w := mixes[len(mixes)-1]
				found = &Likeness{mixes: [2][]float64{w, w}}
				if err := l.heldOut(ctx, h, found); err != nil {
					return err
				}
				found.Fitted, found.ByWeights.Fitted = found.HeldOut, found.HeldOut
			}
			mixes = append(mixes, found.mixes[0])
		}
		rows, err := h.Mixes(ctx, [][]float32{x}, l.models, l.target, mixes, r.o.Threads)
		if err != nil {
			return err
		}
		for i := range after {
			after[i] += rows[0][i]
		}
		for k := range g.Blocks {
			if g.Blocks[k].Name == layout.Name(h.Block) {
				g.Blocks[k].Published = &rows[0][len(after)-1]
				g.Blocks[k].Attention = found
			}
		}
		if found != nil {
			found.Published, found.ByWeights.Published = rows[0][len(after)-1], rows[0][len(after)]
			against.add(r.blocks, h.Block, found)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range after {
		s.Steps[i].Published[g.Name] = after[i] / float64(len(heads))
	}
	total := after[len(after)-1] / float64(len(heads))
	g.Published = &total
	g.meanAttention()
	s.Notes = append(s.Notes, against.notes()...)
	return nil
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

const (
	// Of what a search gains on its own inputs, less than this share on others
	// is luck.
	luck = 0.5
	// A mix this much farther from the target in weights than the nearest has
	// paid for its gain.
	price = 1.01
)

// Doubts are what speaks against the mixes found, by block.
type doubts struct{ luck, paid []string }

// add adds what speaks against the mix found in block id, if anything does.
func (d *doubts) add(blocks *similarity.Blocks, id block.ID, a *Likeness) {
	fitted, other := a.Fitted-a.ByWeights.Fitted, a.HeldOut-a.ByWeights.HeldOut
	if fitted < 10*gain {
		return
	}
	name := blocks.Layout.Name(id)
	before, after := blocks.Distance(id, a.mixes[0]), blocks.Distance(id, a.mixes[1])
	switch {
	case other < luck*fitted:
		d.luck = append(d.luck, fmt.Sprintf("%s %+.4f %% and %+.4f %%", name, 100*fitted, 100*other))
	case after > price*before:
		d.paid = append(d.paid, fmt.Sprintf("%s %+.4f %% for %.2f times", name, 100*fitted, after/before))
	}
}

func (d *doubts) notes() (notes []string) {
	if len(d.luck) > 0 {
		notes = append(notes, "what the search gained in attention similarity on its own random inputs holds by less than half, or not at all, "+
			"on others; the rest is luck, so prefer --metric weight: "+strings.Join(d.luck, ", "))
	}
	if len(d.paid) > 0 {
		notes = append(notes, "the attention similarity rose while the weights moved away from the target, whose |T-M|^2 grew: "+strings.Join(d.paid, ", "))
	}
	return notes
}
