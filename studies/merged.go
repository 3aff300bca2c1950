package studies

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/recipe"
	"mixmatch/merge/stepwise"
	"mixmatch/merge/vec"
	"mixmatch/similarity"
)

// mergedCache is how much memory results of steps may take that need not be
// computed anew for each trial.
const mergedCache = 1 << 30

// A mergedScorer scores recipes that are not linear. No inner products tell what
// they give, so it merges a block's tensors for each column that is tried and
// compares them with the target's.
type mergedScorer struct {
	*stepwise.Rehearsal
	models []*merge.Model // the sources, and the target last
	target *merge.Model
	blocks *similarity.Blocks
}

// openMergedScorer opens the models to score columns of the recipe holed.
func (s *Study) openMergedScorer(ctx context.Context, b *similarity.Blocks, holed *recipe.Recipe) (*mergedScorer, error) {
	pool, target, err := s.Files.Models(ctx)
	if err != nil {
		return nil, err
	}
	m := &mergedScorer{models: append(slices.Clone(pool.Models), target), target: target, blocks: b}
	if m.Rehearsal, err = stepwise.NewRehearsal(ctx, pool, holed, b.Layout.Era(), mergedCache); err != nil {
		m.close()
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return m, nil
}

func (m *mergedScorer) close() {
	if m != nil {
		closeModels(m.models)
	}
}

// scorer returns the function that gives, for a column of block id, the cosine
// of the merged tensors with the target's, and their squared distance. It keeps
// buffers, so it is for one goroutine.
func (m *mergedScorer) scorer(ctx context.Context, id block.ID) func(column []float64) (cosine, distance float64, err error) {
	keys := m.blocks.Keys(id)
	b := m.Block(id, keys)
	var buffer []float32
	return func(column []float64) (float64, float64, error) {
		var mt, mm, tt, d float64
		n := 0
		err := b.Merge(ctx, column, func(key string, made calc.Tensor) error {
			t, _ := m.target.Tensor(key)
			if t.Len() != len(made.Data) {
				return fmt.Errorf("%w: %q is %v in the target and %v when merged", merge.ErrMismatch, key, t.Shape, made.Shape)
			}
			if cap(buffer) < t.Len() {
				buffer = make([]float32, t.Len())
			}
			x := buffer[:t.Len()]
			if err := m.target.File.Read(x, nil, t, 0); err != nil {
				return fmt.Errorf("%s: %w", m.target.Name, err)
			}
			n++
			mt += vec.Dot(x, made.Data)
			mm += vec.Dot(made.Data, made.Data)
			tt += vec.Dot(x, x)
			vec.Sub(x, made.Data)
			d += vec.Dot(x, x)
			return nil
		})
		switch {
		case err != nil:
			return 0, 0, err
		case n < len(keys):
			return 0, 0, fmt.Errorf("%w: the recipe's result lacks tensors of %s", ErrInvalid, b.Name())
		case mm == 0 && tt == 0:
			return 1, d, nil
		case mm == 0 || tt == 0:
			return 0, d, nil
		}
		return min(1, mt/math.Sqrt(mm*tt)), d, nil
	}
}
