package studies

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
	"mixmatch/similarity"
)

// A SearchRecord is a search of a study and the trials that it has made so far.
type SearchRecord struct {
	Name   string // of the block, or "group-" and that of the group whose blocks share ratios
	Ratios []SearchedRatio
	Trials []optimize.Trial // in order; their values are 1 - similarity, to be minimised

	// Ceiling is the least value that there can be, if Bounded: of a block searched by
	// the weights.
	Ceiling float64
	Bounded bool
}

// A SearchedRatio is a ratio that a search looks for: a number of each trial's X.
type SearchedRatio struct {
	Step         int  // counted from 1
	Beta         bool // the step's second ratio
	Lower, Upper float64
}

// Name returns what to call the ratio, such as "step 2 alpha".
func (r SearchedRatio) Name() string {
	if r.Beta {
		return fmt.Sprintf("step %d beta", r.Step)
	}
	return fmt.Sprintf("step %d alpha", r.Step)
}

// Searches returns the searches that the study in folder dir has begun, the blocks in
// the order of their layout and then the groups. The study may be running, or
// unfinished. The error wraps [ErrDamaged] if its files do not go together, and
// [ErrPending] if it has searched nothing yet.
func Searches(dir string) ([]SearchRecord, error) {
	plan, err := peek(dir)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, recipeFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: it has searched nothing yet: mixmatch resume goes on", dir, ErrPending)
	}
	if err != nil {
		return nil, err
	}
	sum, err := ReadSummary(dir)
	if err != nil && !errors.Is(err, ErrPending) {
		return nil, err
	}
	l, g, err := searchedBlocks(dir, plan, sum)
	if err != nil {
		return nil, err
	}
	r, err := recipe.Parse(l, string(text), recipe.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", filepath.Join(dir, recipeFile), ErrDamaged, err)
	}
	files, err := os.ReadDir(filepath.Join(dir, journalDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var list []SearchRecord
	for _, file := range files {
		name, ok := strings.CutSuffix(file.Name(), ".jsonl")
		if !ok {
			continue
		}
		s, path := SearchRecord{Name: name}, filepath.Join(dir, journalDir, file.Name())
		if s.Ratios, err = searchedRatios(r, s.Name); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		s.Trials, _, err = parseJournal(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, t := range s.Trials {
			if len(t.X) != len(s.Ratios) {
				return nil, fmt.Errorf("%s: %w: trial %d has %d ratios, and the recipe %d holes there", path, ErrDamaged, t.Number, len(t.X), len(s.Ratios))
			}
		}
		s.bound(plan, sum, g)
		list = append(list, s)
	}
	place := func(s SearchRecord) int {
		if id, ok := l.Index(s.Name); ok {
			return int(id)
		}
		return l.Len()
	}
	slices.SortStableFunc(list, func(a, b SearchRecord) int { return cmp.Compare(place(a), place(b)) })
	return list, nil
}

// searchedBlocks returns the blocks that a study searches and, if it is not finished, the
// products of the models there.
func searchedBlocks(dir string, plan *Plan, sum *Summary) (*block.Layout, *similarity.Blocks, error) {
	if sum != nil {
		l, err := layoutOf(sum.Arch, sum.Era)
		return l, nil, err
	}
	g, err := Products(dir)
	if err != nil {
		return nil, nil, err
	}
	era := plan.Era
	if era == "" {
		era, _, _ = g.RecogniseEra(g.Arch)
	}
	l, err := layoutOf(g.Arch, era)
	if err != nil {
		return nil, nil, err
	}
	return l, g.Blocks(l), nil
}

// searchedRatios returns the ratios that the search of a name looks for.
func searchedRatios(r *recipe.Recipe, name string) ([]SearchedRatio, error) {
	var holes []hole
	if id, ok := r.Layout.Index(name); ok {
		holes = holesOf(r, id, recipe.Own)
	} else if group, ok := strings.CutPrefix(name, groupPrefix); ok {
		for id := range r.Layout.Group(block.Group(group)).All() {
			for _, h := range holesOf(r, id, recipe.Shared) {
				at := slices.IndexFunc(holes, func(o hole) bool { return o.pos == h.pos })
				if at < 0 {
					holes = append(holes, h)
					continue
				}
				o := &holes[at]
				o.lo, o.hi = max(o.lo, h.lo), min(o.hi, h.hi)
			}
		}
		slices.SortFunc(holes, func(a, b hole) int { return a.pos - b.pos })
	}
	if len(holes) == 0 {
		return nil, fmt.Errorf("%w: the recipe has no holes there", ErrDamaged)
	}
	var all []SearchedRatio // by their places in a column
	for i := range r.Steps {
		all = append(all, SearchedRatio{Step: i + 1})
		if r.Steps[i].HasBeta() {
			all = append(all, SearchedRatio{Step: i + 1, Beta: true})
		}
	}
	ratios := make([]SearchedRatio, len(holes))
	for k, h := range holes {
		ratios[k] = all[h.pos]
		ratios[k].Lower, ratios[k].Upper = h.lo, h.hi
	}
	return ratios, nil
}

// bound sets the ceiling of a block's search by weight: that of the result or, before
// there is one, of the products.
func (s *SearchRecord) bound(plan *Plan, sum *Summary, b *similarity.Blocks) {
	if plan.Metric != "" {
		return
	}
	if sum == nil {
		if id, ok := b.Layout.Index(s.Name); ok {
			if f, err := b.Nearest(id); err == nil {
				s.Ceiling, s.Bounded = 1-f.Cosine, true
			}
		}
		return
	}
	for _, g := range sum.Groups {
		for _, b := range g.Blocks {
			if b.Name == s.Name {
				s.Ceiling, s.Bounded = 1-b.Ceiling, true
			}
		}
	}
}

// Best returns the place of the trial with the lowest value, the first of several; -1
// if there is none.
func (s *SearchRecord) Best() int {
	best := -1
	for i, t := range s.Trials {
		if best < 0 || t.Value < s.Trials[best].Value {
			best = i
		}
	}
	return best
}
