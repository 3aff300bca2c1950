package studies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// Sums are the products that a study keeps, summed over the blocks that it
// searches: all that it takes to score a mix, without a file.
type Sums struct {
	Blocks *similarity.Blocks
	IDs    []block.ID     // the blocks searched, ascending
	Base   int            // the place of the base among the names of Blocks, or -1
	Recipe *recipe.Recipe // with holes; nil before the study has composed one
}

// ReadSums returns the sums of the study in dir. It takes no lock: the files it
// reads never change. The error wraps [ErrPending] if nothing was measured yet.
func ReadSums(ctx context.Context, dir string) (*Sums, error) {
	s, m, err := lookUp(ctx, dir)
	if err != nil {
		return nil, err
	}
	sums := &Sums{Blocks: m.blocks, IDs: m.ids, Base: s.Plan.base()}
	text, err := os.ReadFile(s.path(recipeFile))
	if errors.Is(err, os.ErrNotExist) {
		return sums, nil
	}
	if err != nil {
		return nil, err
	}
	if sums.Recipe, err = recipe.Parse(m.blocks.Layout, string(text), recipe.Options{}); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", s.path(recipeFile), ErrDamaged, err)
	}
	return sums, nil
}

// SearchOf returns the name of the search that finds the ratio at position pos of
// block id's column, which is that of its journal; "" if the ratio is given.
func (s *Sums) SearchOf(id block.ID, pos int) string {
	l := s.Recipe.Layout
	switch s.Recipe.Ratio(id, pos).Hole {
	case recipe.Own:
		return l.Name(id)
	case recipe.Shared:
		return groupSearchName(l.GroupOf(id))
	}
	return ""
}

// Positions returns the places in the column of what the search called name finds, in
// the order of the numbers in its trials.
func (s *Sums) Positions(name string) []int {
	var all []int
	for _, id := range s.Searched(name) {
		for _, pos := range s.Recipe.Holes(id) {
			if s.SearchOf(id, pos) == name && !slices.Contains(all, pos) {
				all = append(all, pos)
			}
		}
	}
	slices.Sort(all)
	return all
}

// Searched returns the blocks that the search called name is of: one, or those of
// a group. There are none if no search of the study is called so.
func (s *Sums) Searched(name string) []block.ID {
	l := s.Blocks.Layout
	var of []block.ID
	for _, id := range s.IDs {
		if l.Name(id) == name || groupSearchName(l.GroupOf(id)) == name {
			of = append(of, id)
		}
	}
	return of
}
