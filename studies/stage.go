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
	"mixmatch/merge/vec"
	"mixmatch/similarity"
)

// stageCache is how much memory results of steps may take that need not be
// computed anew for each trial.
const stageCache = 1 << 30

// A stage scores recipes that are not linear: no inner products tell what they
// give, so it merges the tensors of a block and compares them with the target's.
type stage struct {
	*merge.Rehearsal
	models []*merge.Model // the sources, and the target last
	target *merge.Model
	blocks *similarity.Blocks
}

// raise opens the models for the recipe with holes.
func (r *run) raise(ctx context.Context) error {
	pool, target, err := r.models()
	if err != nil {
		return err
	}
	st := &stage{models: append(slices.Clone(pool.Models), target), target: target, blocks: r.blocks}
	r.stage = st
	if st.Rehearsal, err = merge.NewRehearsal(ctx, pool, r.holed, r.blocks.Layout.Era(), stageCache); err != nil {
		return fmt.Errorf("recipe: %w", err)
	}
	r.notes = append(r.notes, "the recipe is not linear: no closed form starts the search, and the ceiling is that of linear mixes")
	return nil
}

func (st *stage) close() {
	if st != nil {
		closeAll(st.models)
	}
}

// scorer returns the function that gives, for a column of block id, the cosine
// of the merged tensors with the target's, and their squared distance. It keeps
// buffers, so it is for one goroutine.
func (st *stage) scorer(ctx context.Context, id block.ID) func(column []float64) (cosine, distance float64, err error) {
	keys := st.blocks.Keys(id)
	b := st.Block(id, keys)
	var buffer []float32
	return func(column []float64) (float64, float64, error) {
		var mt, mm, tt, d float64
		n := 0
		err := b.Merge(ctx, column, func(key string, m calc.Tensor) error {
			t, _ := st.target.Tensor(key)
			if t.Len() != len(m.Data) {
				return fmt.Errorf("%w: %q is %v in the target and %v when merged", merge.ErrMismatch, key, t.Shape, m.Shape)
			}
			if cap(buffer) < t.Len() {
				buffer = make([]float32, t.Len())
			}
			x := buffer[:t.Len()]
			if err := st.target.File.Read(x, nil, t, 0); err != nil {
				return fmt.Errorf("%s: %w", st.target.Name, err)
			}
			n++
			mt += vec.Dot(x, m.Data)
			mm += vec.Dot(m.Data, m.Data)
			tt += vec.Dot(x, x)
			vec.Sub(x, m.Data)
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

// staged scores the recipe found in block id by merging it.
func (r *run) staged(ctx context.Context, printed *recipe.Recipe, id block.ID) (*Block, similarity.Finding, error) {
	v, d, err := r.stage.scorer(ctx, id)(printed.Column(id))
	if err != nil {
		return nil, similarity.Finding{}, err
	}
	return r.judge(id, v, d)
}
