package studies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
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

// attentionMemory is how much the searches that run side by side may take.
const attentionMemory = 3 << 30

// A Likeness holds the attention similarities of a mix with the target. A search
// for them starts from the best mix by weights; the numbers of that mix are
// beside its own, so that the gain can be judged.
type Likeness struct {
	Fitted    float64       `json:"fitted"`    // on the inputs that the mix was fitted to
	HeldOut   float64       `json:"held_out"`  // on others
	Published float64       `json:"published"` // as similar.py prints it: -o for the outputs, -i -m for the inputs
	ByWeights LikenessStart `json:"by_weights"`
	mixes     [2][]float64  // the weights of the mix by weights, and of that found
}

// A LikenessStart holds the same numbers of the mix that a search began at.
type LikenessStart struct {
	Fitted    float64 `json:"fitted"`
	HeldOut   float64 `json:"held_out"`
	Published float64 `json:"published"`
}

// The attentionModels are a study's models, opened to compare their attention.
type attentionModels struct {
	heads  []similarity.Head // of the blocks that have one; none where the calculators know none
	models []*checkpoint.File
	target *checkpoint.File
	opened []*merge.Model

	// How searches share the threads and the memory: so many side by side, each
	// with so many threads.
	searches, threads int
}

// openAttention opens the models for searches of the recipe holed.
func (s *Study) openAttention(ctx context.Context, threads int, l *block.Layout, holed *recipe.Recipe) (*attentionModels, error) {
	if !holed.Linear() {
		return nil, fmt.Errorf("%w: a recipe that is not linear can be searched by the weights only: leave out --metric", ErrInvalid)
	}
	a, err := s.openAttentionModels(ctx, l)
	if err != nil {
		return nil, err
	}
	if len(a.heads) == 0 {
		a.close()
		return nil, fmt.Errorf("%w: these models have no attention to search by: leave out --metric", ErrInvalid)
	}
	a.shareThreads(threads)
	return a, nil
}

// openAttentionModels opens the models and finds their attention.
func (s *Study) openAttentionModels(ctx context.Context, l *block.Layout) (*attentionModels, error) {
	pool, target, err := s.Files.Models(ctx)
	if err != nil {
		return nil, err
	}
	a := &attentionModels{target: target.File, opened: append(slices.Clone(pool.Models), target)}
	if a.heads, err = similarity.Heads(l, target.File); err != nil && !errors.Is(err, similarity.ErrEmpty) {
		a.close()
		return nil, fmt.Errorf("%s: %w", target.File.Path(), err)
	}
	for _, m := range pool.Models {
		f := m.File
		if m.Difference {
			if f, err = similarity.WithHeads(f, a.heads); err != nil {
				a.close()
				return nil, err
			}
		}
		a.models = append(a.models, f)
	}
	return a, nil
}

func (a *attentionModels) close() {
	if a != nil {
		closeModels(a.opened)
	}
}

// shareThreads sets how many searches run side by side, at most one a thread and
// no more than there is memory for, and how many threads each has.
func (a *attentionModels) shareThreads(threads int) {
	need := func(threads int) (most int64) {
		for _, h := range a.heads {
			most = max(most, h.Memory(len(a.models), len(fittedSeeds(h)), threads))
		}
		return most
	}
	a.searches = int(min(max(1, attentionMemory/max(1, need(1))), int64(threads)))
	a.threads = max(1, threads/a.searches)
	for a.threads > 1 && int64(a.searches)*need(a.threads) > attentionMemory {
		a.threads--
	}
}

// head returns the head of block id.
func (a *attentionModels) head(id block.ID) (similarity.Head, bool) {
	for _, h := range a.heads {
		if h.Block == id {
			return h, true
		}
	}
	return similarity.Head{}, false
}

// scoreHeldOut scores the mix found, and that by weights, on inputs that no
// search was fitted to.
func (a *attentionModels) scoreHeldOut(ctx context.Context, h similarity.Head, found *Likeness) error {
	seeds := heldOutSeeds(h)
	var inputs [][]float32
	for _, s := range seeds {
		inputs = append(inputs, h.Probe(s))
	}
	rows, err := h.Mixes(ctx, inputs, a.models, a.target, found.mixes[:], a.threads)
	if err != nil {
		return err
	}
	for _, v := range rows {
		found.ByWeights.HeldOut += v[0] / float64(len(seeds))
		found.HeldOut += v[1] / float64(len(seeds))
	}
	return nil
}
