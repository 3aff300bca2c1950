package studies

import (
	"context"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// A problem is what the searches of a run have in common: the recipe to fill and
// what scores it. It does not change while they run.
type problem struct {
	*Study
	*composed
	options   Options
	blocks    *similarity.Blocks
	proof     *similarity.Evidence
	merged    *mergedScorer    // nil for a linear recipe
	attention *attentionModels // nil unless the metric is the attention similarity
}

// openProblem opens the models if scoring the recipe needs them. The caller
// closes the problem.
func (s *Study) openProblem(ctx context.Context, o Options, m *measured, c *composed) (*problem, error) {
	p := &problem{Study: s, composed: c, options: o, blocks: m.blocks, proof: m.proof}
	var err error
	if !c.recipe.Linear() {
		if p.merged, err = s.openMergedScorer(ctx, m.blocks, c.recipe); err != nil {
			return nil, err
		}
	}
	if s.Plan.Metric == Attention {
		if p.attention, err = s.openAttention(ctx, o.Threads, m.blocks.Layout, c.recipe); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *problem) close() {
	p.merged.close()
	p.attention.close()
}

// scorer returns the function that gives 1 - cosine with the target of a column
// of block id. It keeps buffers, so it is for one goroutine.
func (p *problem) scorer(ctx context.Context, id block.ID) func(column []float64) (float64, error) {
	if p.merged != nil {
		score := p.merged.scorer(ctx, id)
		return func(column []float64) (float64, error) {
			v, _, err := score(column)
			return 1 - v, err
		}
	}
	program := p.recipe.Program()
	place := make([]int, program.Width())
	for i, n := range program.Names() {
		place[i] = slices.Index(p.blocks.Names, n)
	}
	w := make([]float64, len(p.blocks.Names))
	dst, scratch := make([]float64, program.Width()), make([]float64, program.Scratch())
	return func(column []float64) (float64, error) {
		clear(w)
		program.WeightsInto(dst, column, scratch)
		for i, v := range dst {
			w[place[i]] += v
		}
		return p.blocks.Loss(id, w)
	}
}

// weightsOf returns the weight of each model of b that a column comes down to.
func weightsOf(b *similarity.Blocks, program *recipe.Program, column []float64) []float64 {
	w := make([]float64, len(b.Names))
	names := program.Names()
	for i, v := range program.Weights(column) {
		w[slices.Index(b.Names, names[i])] += v
	}
	return w
}
