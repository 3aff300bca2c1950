package similarity

import (
	"context"
	"fmt"
	"runtime"

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
// of merging first. It keeps buffers and is for one goroutine.
type AttentionMix struct {
	projector *projector
	probes    []probe
	mix       *projection
	out       []float32
	weights   []float32
}

// A probe is one input, seen by each model and by the target.
type probe struct {
	q      [][]float32   // by model
	k      []*vec.Packed // by model
	v      [][]float32   // by model
	target []float32     // d x d, rows of length 1
}

// Memory returns how many bytes an AttentionMix of so many models and probes
// takes.
func (h Head) Memory(models, probes int) int64 {
	return 4 * int64(h.Dim) * int64(h.Dim) * int64(probes*(2*models+1)+6)
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
func NewAttentionMix(ctx context.Context, h Head, models []*checkpoint.File, target *checkpoint.File, seeds []uint64) (*AttentionMix, error) {
	d := h.Dim
	m := newProjector(d, 1)
	a := &AttentionMix{projector: m, mix: m.newProjection(), out: make([]float32, d*d), weights: make([]float32, len(models))}
	a.probes = make([]probe, len(seeds))
	w := newWeights(d)
	for i, f := range append([]*checkpoint.File{target}, models...) {
		if err := h.read(w, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path(), err)
		}
		for k, seed := range seeds {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			q, p := &a.probes[k], m.newProjection()
			m.project(p, w, h.input(h.Probe(seed)))
			if i == 0 {
				q.target = make([]float32, d*d)
				m.attend(q.target, p)
				continue
			}
			q.q, q.k, q.v = append(q.q, p.q), append(q.k, p.k), append(q.v, p.v)
		}
	}
	return a, nil
}

// Score returns the mean similarity, over the probes, of the mix with weights
// w, one a model.
func (a *AttentionMix) Score(w []float64) float64 {
	for i, v := range w {
		a.weights[i] = float32(v)
	}
	total := 0.0
	for i := range a.probes {
		q := &a.probes[i]
		vec.Combine(a.mix.q, a.weights, q.q)
		a.mix.k.Combine(a.weights, q.k)
		vec.Combine(a.mix.v, a.weights, q.v)
		total += mean(a.projector.compare(a.mix, q.target, a.out))
	}
	return total / float64(len(a.probes))
}

// mean is the mean in float64.
func mean(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

// Mixes returns the similarities, [input][mix], with the target's of mixes of
// the models at head h. The weights are mixed first: it is for a few mixes, on
// inputs that nothing was fitted to.
func (h Head) Mixes(ctx context.Context, inputs [][]float32, models []*checkpoint.File, target *checkpoint.File, mixes [][]float64) ([][]float64, error) {
	d := h.Dim
	m := newProjector(d, runtime.GOMAXPROCS(0))
	w, p := newWeights(d), m.newProjection()
	if err := h.read(w, target); err != nil {
		return nil, fmt.Errorf("%s: %w", target.Path(), err)
	}
	var drawn []input
	var outputs [][]float32
	for _, x := range inputs {
		in, t := h.input(x), make([]float32, d*d)
		m.project(p, w, in)
		m.attend(t, p)
		drawn, outputs = append(drawn, in), append(outputs, t)
	}
	sums := make([][3][]float64, len(mixes))
	for i := range sums {
		sums[i] = [3][]float64{make([]float64, d*d), make([]float64, d*d), make([]float64, d*d)}
	}
	for k, f := range models {
		if err := h.read(w, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path(), err)
		}
		for i, s := range mixes {
			if s[k] != 0 {
				vec.Axpy64(sums[i][0], s[k], w.q)
				vec.Axpy64(sums[i][1], s[k], w.k)
				vec.Axpy64(sums[i][2], s[k], w.v)
			}
		}
	}
	all := make([][]float64, len(inputs))
	out := make([]float32, d*d)
	for _, s := range sums {
		mixed := weights{narrowed(s[0]), narrowed(s[1]), narrowed(s[2])}
		for i, in := range drawn {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			m.project(p, mixed, in)
			all[i] = append(all[i], mean(m.compare(p, outputs[i], out)))
		}
	}
	return all, nil
}
