package similarity

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
	"mixmatch/similarity/torchrand"
)

// An AttentionMix scores mixes of models by the attention similarity of one
// head with a target's, as the mean over several inputs (probes). One input
// alone is noise: mixes fitted to it are worse on others than the truth is.
//
// Queries and keys are linear in the weights, and values enter by their column
// sums only. So a mix costs a weighted sum of what each model makes of the
// input, and one d x d x d product: an eighth of the work, at eight models,
// of merging first. It is for one goroutine, but shares its probes out to several:
// what comes of it does not depend on how many.
type AttentionMix struct {
	d      int
	probes []probe
	desks  []*mixDesk // one a thread
}

// A mixDesk has the room to score a mix with one probe.
type mixDesk struct {
	projector *projector
	mix       *projection
	keys      []float32 // of the mix, d x d, as its projection has them packed
	out       []float32 // the logits, d x d
	weights   []float32 // by model
	slope     *slope
}

func newMixDesk(d, models int) *mixDesk {
	m := newProjector(d, 1)
	return &mixDesk{
		projector: m, mix: m.newProjection(), keys: make([]float32, d*d), out: make([]float32, d*d),
		weights: make([]float32, models),
	}
}

// A probe is one input, seen by each model and by the target.
type probe struct {
	q, k, v [][]float32 // by model: X Wq' and X Wk', and the column sums of X Wv'
	target  []float32   // d x d, rows of length 1
}

// Memory returns how many bytes an AttentionMix of so many models, probes and
// threads takes.
func (h Head) Memory(models, probes, threads int) int64 {
	return 4 * int64(h.Dim) * int64(h.Dim) * int64(probes*(2*models+1)+8*threads)
}

// Probe returns the input of a seed for the head: torch.randn(d, d) right after
// torch.manual_seed(seed).
func (h Head) Probe(seed uint64) []float32 {
	x := make([]float32, h.Dim*h.Dim)
	torchrand.New(seed).Normal(x)
	return x
}

// NewAttentionMix reads the head's weights from the files and applies them to
// the inputs of the seeds.
func NewAttentionMix(ctx context.Context, h Head, models []*checkpoint.File, target *checkpoint.File, seeds []uint64, threads int) (*AttentionMix, error) {
	a := &AttentionMix{d: h.Dim, probes: make([]probe, len(seeds))}
	for range max(1, min(threads, len(seeds))) {
		a.desks = append(a.desks, newMixDesk(h.Dim, len(models)))
	}
	w := newPackedWeights(h.Dim)
	for i, f := range append([]*checkpoint.File{target}, models...) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := h.readPacked(w, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path(), err)
		}
		a.each(ctx, func(desk *mixDesk, k int) {
			m, p := desk.projector, &a.probes[k]
			m.project(desk.mix, w, h.input(h.Probe(seeds[k])))
			if i == 0 {
				p.target = make([]float32, h.Dim*h.Dim)
				m.attend(p.target, desk.mix)
				return
			}
			p.q = append(p.q, slices.Clone(desk.mix.q))
			p.k = append(p.k, slices.Clone(m.room))
			p.v = append(p.v, slices.Clone(desk.mix.v))
		})
	}
	return a, ctx.Err()
}

// each calls do for all probes, on all desks, until ctx ends.
func (a *AttentionMix) each(ctx context.Context, do func(desk *mixDesk, probe int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	work := func(desk *mixDesk) {
		for k := next.Add(1) - 1; k < int64(len(a.probes)) && ctx.Err() == nil; k = next.Add(1) - 1 {
			do(desk, int(k))
		}
	}
	for _, desk := range a.desks[1:] {
		wait.Go(func() { work(desk) })
	}
	work(a.desks[0])
	wait.Wait()
}

// Score returns the mean similarity, over the probes, of the mix with weights
// w, one a model.
func (a *AttentionMix) Score(ctx context.Context, w []float64) (float64, error) {
	total := make([]float64, len(a.probes))
	a.each(ctx, func(desk *mixDesk, k int) {
		p := &a.probes[k]
		desk.combine(p, w)
		total[k] = mean(desk.projector.compare(desk.mix, p.target, desk.out))
	})
	return mean(total), ctx.Err()
}

// combine sets the mix to that of weights w for probe p.
func (k *mixDesk) combine(p *probe, w []float64) {
	for i, v := range w {
		k.weights[i] = float32(v)
	}
	vec.Combine(k.mix.q, k.weights, p.q)
	vec.Combine(k.keys, k.weights, p.k)
	vec.Combine(k.mix.v, k.weights, p.v)
	k.projector.fill(k.mix.k, k.keys)
}

// mean is the mean in float64.
func mean[T float32 | float64](x []T) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}
