package studies

import (
	"context"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// Measured is the first phase of a run: the inner products, and the block map
// they are summed by.
type measured struct {
	gram   *similarity.Gram
	blocks *similarity.Blocks // of gram
	arch   block.Arch
	ids    []block.ID // the blocks of the plan's groups that there are, ascending
	proof  *similarity.Evidence
	scaled bool  // the target was divided by a number
	told   *told // beside the products, by fingerprints
	notes  []string

	// How the block map was recognised, unless the plan gives it.
	eras      []similarity.EraFit
	eraIsSure bool
}

func (s *Study) measure(ctx context.Context, o Options) (*measured, error) {
	g, err := s.products(ctx, o)
	if err != nil {
		return nil, err
	}
	m, err := s.sumUp(ctx, g)
	if err != nil {
		return nil, err
	}
	m.proof, err = m.blocks.Weigh(ctx, m.ids, s.Plan.base())
	return m, err
}

// sumUp is measure but for the evidence, which takes longest: of the products g it
// makes the sums over blocks.
func (s *Study) sumUp(ctx context.Context, g *similarity.Gram) (*measured, error) {
	var err error
	m := &measured{arch: g.Arch}
	if m.told, err = s.told(); err != nil {
		return nil, err
	}
	g, scale, err := g.Unscale(ctx, m.arch)
	if err != nil {
		return nil, err
	}
	if scale != 1 {
		m.notes = append(m.notes, fmt.Sprintf("the target is a mix times %.6g, which no merge of these does; the weights are those of the mix, and a model made by them is to be multiplied by it", scale))
	}
	m.gram, m.scaled = g, scale != 1
	era := s.Plan.Era
	seen, fits, sure := g.RecogniseEra(m.arch)
	mark := ""
	if l, err := block.Default(m.arch); err == nil {
		mark = l.EraMark()
	}
	switch {
	case era == "":
		era, m.eras, m.eraIsSure = seen, fits, sure
	case sure && seen != era:
		m.notes = append(m.notes, fmt.Sprintf("the era was given as %s, but the %s tensors look like %s: try --era auto", era, mark, seen))
	}
	l, err := block.For(m.arch, era)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.blocks = g.Blocks(l)
	m.notes = slices.Concat(lackNotes(g, l, s.Plan.measuredBy()), s.Plan.loraNotes(), looseNotes(g, l), m.told.Notes, m.notes)
	if s.Plan.mixed() {
		m.notes = append(m.notes, "the models are not of one kind: what only some of them have, such as the further channels of an inpainting model, is not compared")
	}
	for _, group := range s.Plan.Groups {
		found, empty := false, true
		for id := range l.Group(group).All() {
			empty = empty && m.blocks.Empty(id)
			if m.blocks.Has(id) {
				m.ids = append(m.ids, id)
				found = true
			}
		}
		if !found && !empty {
			m.notes = append(m.notes, fmt.Sprintf("%s not searched: the target or the first source has no such tensors", groupWas(group)))
		}
	}
	slices.Sort(m.ids)
	if len(m.ids) == 0 {
		return nil, fmt.Errorf("%w: nothing to search in the groups %v", ErrInvalid, s.Plan.Groups)
	}
	return m, nil
}

// groupWas begins a sentence on a group of blocks.
func groupWas(g block.Group) string {
	switch g {
	case block.Base:
		return "the base was"
	case block.Inputs, block.Outputs:
		return "the " + string(g) + " were"
	}
	return "the blocks of the group " + string(g) + " were"
}

// lackNotes says which models have no part in what, since they lack it.
func lackNotes(g *similarity.Gram, layout *block.Layout, tensors string) []string {
	var notes []string
	for _, l := range g.Lacking(layout) {
		if l.N == l.Of {
			notes = append(notes, fmt.Sprintf("%s has no %s: it takes no part there", l.Model, l.Part))
		} else {
			notes = append(notes, fmt.Sprintf("%s lacks %d of %d %s of the %s: it takes no part in their blocks", l.Model, l.N, l.Of, tensors, l.Part))
		}
	}
	return notes
}
