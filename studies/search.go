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
	"mixmatch/similarity"
)

// A search is one goptuna study of a study: the holes of one block, or the
// shared holes of a group, which no other search depends on.
type search struct {
	name   string // of the journal: the block's or the group's
	blocks []block.ID
	kind   recipe.Hole // of its holes: Own, or Shared by those of its blocks that have it
	holes  []hole
	start  []float64 // trial 0: the closed form, or the best of a few descents
	score  func(x []float64) (float64, error)
	slope  func(g, x []float64) (float64, error) // the same, with its derivatives; nil where there is none
	staged bool                                  // each score merges tensors, which takes its time

	// finish, if any, makes the ratios to write down from the best trial, in
	// found, and lets go of the memory that score took.
	finish func(ctx context.Context, best optimize.Trial) ([]float64, error)
	found  []float64
}

// patience is how many evaluations a descent may take: so many a dimension, or
// as few as make sense where each takes long.
func (s *search) patience(n int) int {
	if s.staged {
		n = min(n, 12)
	}
	return n * (1 + len(s.holes))
}

// A hole is a ratio to find: its place in the columns of the search's blocks.
type hole struct {
	pos    int
	lo, hi float64
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

// seed returns the seed of the search called name: its own, so that no two
// searches of a study draw the same numbers.
func seed(study int64, name string) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", study, name)
	return int64(h.Sum64() >> 1)
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
		Name: s.name, Box: s.box(), Sampler: p.Sampler, Start: s.start, Gradient: s.slope,
		Trials: p.Trials, Polish: min(p.Polish, s.patience(p.Polish)), Seed: seed(p.Seed, s.name),
	}
}

// begin gives the search the best of a few quick descents to start from.
func (s *search) begin(ctx context.Context) error {
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

// runAll runs searches side by side, each with its journal, and returns the
// best trial of each.
func (s *Study) runAll(ctx context.Context, searches []*search, threads int, note func(name string)) ([]optimize.Trial, error) {
	best := make([]optimize.Trial, len(searches))
	if err := os.MkdirAll(s.path(journalDir), 0o755); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, threads))
	var mu sync.Mutex
	for i, q := range searches {
		group.Go(func() error {
			j, err := openJournal(s.path(filepath.Join(journalDir, q.name+".jsonl")))
			if err != nil {
				return err
			}
			set := q.settings(&s.Plan)
			set.Done = slices.Clone(j.trials)
			mu.Lock()
			for range set.Done {
				note(q.name)
			}
			mu.Unlock()
			set.Note = func(t optimize.Trial) error {
				if err := j.append(t); err != nil {
					return err
				}
				mu.Lock()
				note(q.name)
				mu.Unlock()
				return nil
			}
			best[i], err = optimize.Minimize(ctx, q.score, set)
			if errors.Is(err, optimize.ErrReplay) {
				err = fmt.Errorf("%s: %w: %w", j.f.Name(), ErrDamaged, err)
			}
			if err == nil && q.finish != nil {
				q.found, err = q.finish(ctx, best[i])
			}
			return errors.Join(err, j.close())
		})
	}
	return best, group.Wait()
}

// blockSearch returns the search for the holes of block id, with the rest of
// its column as it is.
func blockSearch(b *similarity.Blocks, r *recipe.Recipe, id block.ID, holes []hole) *search {
	score := scorer(b, r, id)
	column := r.Column(id)
	return &search{
		name: b.Layout.Name(id), blocks: []block.ID{id}, kind: recipe.Own, holes: holes,
		score: func(x []float64) (float64, error) {
			for k, h := range holes {
				column[h.pos] = x[k]
			}
			return score(column)
		},
	}
}

// scorer returns the function that gives 1 - cosine of a column of block id. It keeps
// buffers, so it is for one goroutine.
func scorer(b *similarity.Blocks, r *recipe.Recipe, id block.ID) func(column []float64) (float64, error) {
	program := r.Program()
	place := make([]int, len(program.Sources))
	for i, n := range program.Sources {
		place[i] = slices.Index(b.Names, n)
	}
	w := make([]float64, len(b.Names))
	dst, scratch := make([]float64, len(program.Sources)), make([]float64, program.Scratch())
	return func(column []float64) (float64, error) {
		clear(w)
		program.WeightsInto(dst, column, scratch)
		for i, v := range dst {
			w[place[i]] += v
		}
		return b.Loss(id, w)
	}
}

// weightsOf returns the weight of each model of b that a column comes down to.
func weightsOf(b *similarity.Blocks, program *recipe.Program, column []float64) []float64 {
	w := make([]float64, len(b.Names))
	for i, v := range program.Weights(column) {
		w[slices.Index(b.Names, program.Sources[i])] += v
	}
	return w
}
