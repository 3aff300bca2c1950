package studies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
	"mixmatch/optimize"
	"mixmatch/similarity"
)

// Attention is the metric of [Plan] by which the blocks that have a
// self-attention are searched for the calculators' similarity instead of the
// cosine of the weights, which the closed form solves. Other blocks, and ratios
// that blocks share, are searched by the weights as ever.
const Attention = "attention"

// Searches score the mean of several random inputs, and others tell whether what
// they gain is more than luck. Each row of an input is a sample, so that narrow
// heads need more inputs.
func fittedSeeds(h similarity.Head) []uint64  { return seeds(1, h) }
func heldOutSeeds(h similarity.Head) []uint64 { return seeds(1_000_001, h) }

func seeds(first uint64, h similarity.Head) []uint64 {
	const rows, least, most = 4096, 4, 64
	all := make([]uint64, min(max(rows/h.Dim, least), most))
	for i := range all {
		all[i] = first + uint64(i)
	}
	return all
}

// memory is how much the searches that run side by side may take.
const memory = 3 << 30

// gain is the smallest change of the attention similarity that counts: less
// comes from rounding to float32.
const gain = 1e-6

// A Likeness holds the attention similarities of a mix with the target: on the
// inputs that it was fitted to, on others, and as the calculator similar.py
// prints it (-o for the outputs, -i -m for the inputs). By weights are those
// of the mix that the cosine of the weights led to.
type Likeness struct {
	Fitted    float64       `json:"fitted"`
	HeldOut   float64       `json:"held_out"`
	Published float64       `json:"published"`
	ByWeights LikenessStart `json:"by_weights"`
	mixes     [2][]float64  // by weights, and found
}

// A LikenessStart holds the numbers of the mix that a search began at.
type LikenessStart struct {
	Fitted    float64 `json:"fitted"`
	HeldOut   float64 `json:"held_out"`
	Published float64 `json:"published"`
}

// A lens is what the attention metric needs of a run. A nil lens is that of a
// run that does without.
type lens struct {
	heads  []similarity.Head
	models []*checkpoint.File
	target *checkpoint.File
	found  map[block.ID]*Likeness
	done   func()

	threads int // of each search
}

// openLens opens the models if the metric needs them.
func (r *run) openLens() (err error) {
	if r.Plan.Metric == Attention && !r.holed.Linear() {
		return fmt.Errorf("%w: a recipe that is not linear can be searched by the weights only: leave out --metric", ErrInvalid)
	}
	if r.Plan.Metric == Attention {
		r.lens, err = r.newLens()
	}
	if err == nil && r.lens != nil && len(r.lens.heads) == 0 {
		r.lens.close()
		r.lens = nil
		return fmt.Errorf("%w: these models have no attention to search by: leave out --metric", ErrInvalid)
	}
	return err
}

// newLens opens the models and finds their attention. It has no heads where the
// calculators know none.
func (r *run) newLens() (*lens, error) {
	pool, target, err := r.models()
	if err != nil {
		return nil, err
	}
	l := &lens{target: target.File, found: map[block.ID]*Likeness{}}
	l.done = func() { closeAll(append(slices.Clone(pool.Models), target)) }
	for _, m := range pool.Models {
		l.models = append(l.models, m.File)
	}
	if l.heads, err = similarity.Heads(r.blocks.Layout, target.File); err != nil && !errors.Is(err, similarity.ErrEmpty) {
		l.close()
		return nil, fmt.Errorf("%s: %w", target.File.Path(), err)
	}
	return l, nil
}

func (l *lens) close() {
	if l != nil {
		l.done()
	}
}

// limit sets how many searches of so many models run side by side, at most one a
// thread, and lets them share the threads.
func (l *lens) limit(models, threads int) (searches int) {
	if l == nil {
		return threads
	}
	need := func(threads int) (most int64) {
		for _, h := range l.heads {
			most = max(most, h.Memory(models, len(fittedSeeds(h)), threads))
		}
		return most
	}
	searches = int(min(max(1, memory/max(1, need(1))), int64(threads)))
	l.threads = max(1, threads/searches)
	for l.threads > 1 && int64(searches)*need(l.threads) > memory {
		l.threads--
	}
	return searches
}

// head returns the head of block id.
func (l *lens) head(id block.ID) (similarity.Head, bool) {
	if l != nil {
		for _, h := range l.heads {
			if h.Block == id {
				return h, true
			}
		}
	}
	return similarity.Head{}, false
}

// column returns block id's column of r with the search's holes at x.
func (s *search) column(r *recipe.Recipe, x []float64) []float64 {
	column := r.Column(s.blocks[0])
	for k, h := range s.holes {
		column[h.pos] = x[k]
	}
	return column
}

// attentive returns q, a search of one block, turned to the attention
// similarity if that is the metric and the block has it. It begins where q does.
func (r *run) attentive(ctx context.Context, q *search) *search {
	id := q.blocks[0]
	head, ok := r.lens.head(id)
	if !ok {
		return q
	}
	holed := r.holed
	if r.recipe != nil {
		holed = r.recipe.Clone() // with the shared ratios in place
	}
	program := holed.Program()
	weigh := func(x []float64) []float64 { return weightsOf(r.blocks, program, q.column(holed, x)) }
	a := &search{name: q.name, blocks: q.blocks, kind: q.kind, holes: q.holes, start: q.start}
	var mix *similarity.AttentionMix // made when first needed: not for finished trials
	ready := func() (err error) {
		if err = ctx.Err(); err == nil && mix == nil {
			mix, err = similarity.NewAttentionMix(ctx, head, r.lens.models, r.lens.target, fittedSeeds(head), r.lens.threads)
		}
		return err
	}
	a.score = func(x []float64) (float64, error) {
		if err := ready(); err != nil {
			return 0, err
		}
		return 1 - mix.Score(weigh(x)), nil
	}
	a.slope = func(g, x []float64) (float64, error) {
		if err := ready(); err != nil {
			return 0, err
		}
		w := weigh(x)
		by := make([]float64, len(w)) // derivatives by the weights
		value := 1 - mix.Gradient(by, w)
		// The weights are linear in each ratio.
		for k := range g {
			g[k] = 0
			beside := slices.Clone(x)
			beside[k]++
			for i, v := range weigh(beside) {
				g[k] -= by[i] * (v - w[i])
			}
		}
		return value, nil
	}
	likeness := &Likeness{}
	r.lens.found[id] = likeness
	a.finish = func(ctx context.Context, best optimize.Trial) ([]float64, error) {
		defer func() { mix = nil }()
		value := func(x []float64) (float64, error) {
			v, err := a.score(x)
			return 1 - v, err
		}
		x, err := shorten(best.X, a.holes, best.Value, gain*float64(len(best.X)), a.score)
		if err != nil {
			return nil, err
		}
		if likeness.ByWeights.Fitted, err = value(a.start); err != nil {
			return nil, err
		}
		if likeness.Fitted, err = value(x); err != nil {
			return nil, err
		}
		likeness.mixes = [2][]float64{weigh(a.start), weigh(x)}
		mix = nil
		return x, r.lens.heldOut(ctx, head, likeness)
	}
	return a
}

// heldOut scores what was found, and what it began at, on other inputs.
func (l *lens) heldOut(ctx context.Context, h similarity.Head, found *Likeness) error {
	seeds := heldOutSeeds(h)
	var inputs [][]float32
	for _, s := range seeds {
		inputs = append(inputs, h.Probe(s))
	}
	rows, err := h.Mixes(ctx, inputs, l.models, l.target, found.mixes[:], max(1, l.threads))
	if err != nil {
		return err
	}
	for _, v := range rows {
		found.ByWeights.HeldOut += v[0] / float64(len(seeds))
		found.HeldOut += v[1] / float64(len(seeds))
	}
	return nil
}
