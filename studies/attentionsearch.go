package studies

import (
	"context"
	"slices"

	"mixmatch/merge/recipe"
	"mixmatch/optimize"
	"mixmatch/similarity"
	"mixmatch/studies/compose"
)

// attentionGain is the smallest change of the attention similarity that counts:
// less comes from rounding to float32.
const attentionGain = 1e-6

// byAttention returns s, a search of one block of recipe r, as a search for the
// attention similarity if that is the metric and the block has it; else s. It
// begins where s does.
func (p *problem) byAttention(ctx context.Context, r *recipe.Recipe, s *search) *search {
	if p.attention == nil {
		return s
	}
	id := s.blocks[0]
	head, ok := p.attention.head(id)
	if !ok {
		return s
	}
	program := r.Program()
	weigh := func(x []float64) []float64 {
		column := r.Column(id)
		s.fill(column, x)
		return weightsOf(p.blocks, program, column)
	}
	a := &search{name: s.name, blocks: s.blocks, kind: s.kind, holes: s.holes, start: s.start}
	var mix *similarity.AttentionMix // made when first needed: not for finished trials
	ready := func() (err error) {
		if err = ctx.Err(); err == nil && mix == nil {
			mix, err = similarity.NewAttentionMix(ctx, head, p.attention.models, p.attention.target, fittedSeeds(head), p.attention.threads)
		}
		return err
	}
	a.score = func(x []float64) (float64, error) {
		if err := ready(); err != nil {
			return 0, err
		}
		v, err := mix.Score(ctx, weigh(x))
		return 1 - v, err
	}
	a.gradient = func(g, x []float64) (float64, error) {
		if err := ready(); err != nil {
			return 0, err
		}
		w := weigh(x)
		by := make([]float64, len(w)) // derivatives by the weights
		v, err := mix.Gradient(ctx, by, w)
		if err != nil {
			return 0, err
		}
		// The weights are linear in each ratio.
		for k := range g {
			g[k] = 0
			beside := slices.Clone(x)
			beside[k]++
			for i, v := range weigh(beside) {
				g[k] -= float64(by[i] * (v - w[i]))
			}
		}
		return 1 - v, nil
	}
	a.finish = func(ctx context.Context, best optimize.Trial) ([]float64, *Likeness, error) {
		defer func() { mix = nil }()
		x, err := compose.Shorten(best.X, a.box(), best.Value, attentionGain*float64(len(best.X)), a.score)
		if err != nil {
			return nil, nil, err
		}
		begun, err := a.score(a.start)
		if err != nil {
			return nil, nil, err
		}
		reached, err := a.score(x)
		if err != nil {
			return nil, nil, err
		}
		mix = nil // before the next takes its memory
		like := &Likeness{Fitted: 1 - reached, mixes: [2][]float64{weigh(a.start), weigh(x)}}
		like.ByWeights.Fitted = 1 - begun
		return x, like, p.attention.scoreHeldOut(ctx, head, like)
	}
	return a
}
