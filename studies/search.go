package studies

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
)

// A search is one goptuna study of a study: the holes of one block, or the
// shared holes of a group, which no other search depends on.
type search struct {
	name     string // of the journal: the block's or the group's
	blocks   []block.ID
	kind     recipe.Hole // of its holes: Own, or Shared by those of its blocks that have it
	holes    []hole
	start    []float64 // trial 0: the closed form, or the best of a few descents
	score    func(x []float64) (float64, error)
	gradient func(g, x []float64) (float64, error) // score, with its derivatives; nil where there is none
	slow     bool                                  // each score merges tensors

	// finish, if any, makes the ratios to write down from the best trial, and lets
	// go of the memory that score took.
	finish func(ctx context.Context, best optimize.Trial) ([]float64, *Likeness, error)
}

// A hole is a ratio to find: its place in the columns of the search's blocks.
type hole struct {
	pos    int
	lo, hi float64
}

// A found is what came of a search.
type found struct {
	*search
	best     optimize.Trial
	trials   int       // in the journal
	ratios   []float64 // to write down, if the search has finish
	likeness *Likeness // if the search was by the attention similarity
}

// holesOf returns the holes of one kind in block id.
func holesOf(r *recipe.Recipe, id block.ID, kind recipe.Hole) []hole {
	var holes []hole
	for _, pos := range r.Holes(id) {
		if q := r.Ratio(id, pos); q.Hole == kind {
			holes = append(holes, hole{pos, q.Lo, q.Hi})
		}
	}
	return holes
}

// blockSearch returns the search for the holes of block id, with the rest of
// its column as it is in r.
func (p *problem) blockSearch(ctx context.Context, r *recipe.Recipe, id block.ID, holes []hole) *search {
	s := &search{
		name: p.blocks.Layout.Name(id), blocks: []block.ID{id}, kind: recipe.Own, holes: holes,
		slow: p.merged != nil,
	}
	score, column := p.scorer(ctx, id), r.Column(id)
	s.score = func(x []float64) (float64, error) {
		s.fill(column, x)
		return score(column)
	}
	return s
}

// fill puts the ratios x into the search's holes in a column.
func (s *search) fill(column, x []float64) {
	for k, h := range s.holes {
		column[h.pos] = x[k]
	}
}

// patience is how many evaluations a descent may take: so many a dimension, or
// as few as make sense where each takes long.
func (s *search) patience(n int) int {
	if s.slow {
		n = min(n, 12)
	}
	return n * (1 + len(s.holes))
}

// box returns the bounds of the search's holes.
func (s *search) box() optimize.Box {
	box := optimize.Box{}
	for _, h := range s.holes {
		box.Lower = append(box.Lower, h.lo)
		box.Upper = append(box.Upper, h.hi)
	}
	return box
}

// settings are those of the search's optimizer.
func (s *search) settings(p *Plan) optimize.Settings {
	return optimize.Settings{
		Name: s.name, Box: s.box(), Sampler: p.Sampler, Start: s.start, Gradient: s.gradient,
		Trials: p.Trials, Polish: min(p.Polish, s.patience(p.Polish)), Seed: seed(p.Seed, s.name),
	}
}

// seed returns the seed of the search called name: its own, so that no two
// searches of a study draw the same numbers.
func seed(study int64, name string) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", study, name)
	return int64(h.Sum64() >> 1)
}

// chooseStart gives the search the best of a few quick descents to start from.
func (s *search) chooseStart(ctx context.Context) error {
	best := optimize.Trial{}
	for k, share := range []float64{0.1, 0.5, 0.9} {
		x := make([]float64, len(s.holes))
		for i, h := range s.holes {
			x[i] = min(max(share, h.lo), h.hi)
		}
		set := optimize.Settings{Name: s.name, Box: s.box(), Sampler: "random", Start: x, Polish: s.patience(300)}
		t, err := optimize.Minimize(ctx, s.score, set)
		if err != nil {
			return err
		}
		if k == 0 || t.Value < best.Value {
			best = t
		}
	}
	s.start = best.X
	return nil
}

// runSearches runs searches side by side, each with its journal.
func (p *problem) runSearches(ctx context.Context, searches []*search) ([]found, error) {
	results := make([]found, len(searches))
	if err := os.MkdirAll(p.path(journalDir), 0o755); err != nil {
		return nil, err
	}
	side := p.options.Threads
	if p.attention != nil {
		side = p.attention.searches
	}
	var mu sync.Mutex
	var done int64
	total := int64(len(searches)) * (int64(p.Plan.Trials) + 1)
	note := func(trials int) {
		mu.Lock()
		defer mu.Unlock()
		for range trials {
			done++
			p.options.Progress(Progress{Stage: "searching", Done: min(done, total), Total: total, Later: p.options.later})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, side))
	for i, q := range searches {
		group.Go(func() (err error) {
			results[i], err = p.runSearch(ctx, q, note)
			return err
		})
	}
	return results, group.Wait()
}

// runSearch goes on with a search where its journal ends. note is told of
// finished trials.
func (s *Study) runSearch(ctx context.Context, q *search, note func(trials int)) (found, error) {
	f := found{search: q}
	j, err := openJournal(s.path(filepath.Join(journalDir, q.name+".jsonl")))
	if err != nil {
		return f, err
	}
	set := q.settings(&s.Plan)
	set.Done = slices.Clone(j.trials)
	note(len(set.Done))
	set.Note = func(t optimize.Trial) error {
		if err := j.append(t); err != nil {
			return err
		}
		note(1)
		return nil
	}
	f.best, err = optimize.Minimize(ctx, q.score, set)
	if errors.Is(err, optimize.ErrReplay) {
		err = fmt.Errorf("%s: %w: %w", j.f.Name(), ErrDamaged, err)
	}
	if err == nil && q.finish != nil {
		f.ratios, f.likeness, err = q.finish(ctx, f.best)
	}
	f.trials = len(j.trials)
	return f, errors.Join(err, j.close())
}
