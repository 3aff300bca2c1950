package similarity

import (
	"context"
	"fmt"
	"math"

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
	head    Head
	probes  []probe
	mix     projection
	out     []float32
	weights []float32
}

// A probe is one input, seen by each model and by the target.
type probe struct {
	q, k, v [][]float32 // by model
	target  []float32   // d x d, rows of length 1
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
	a := &AttentionMix{head: h, weights: make([]float32, len(models)), out: make([]float32, d*d)}
	a.mix = projection{make([]float32, d*d), make([]float32, d*d), make([]float32, d)}
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
			q := &a.probes[k]
			p := h.project(w, h.Probe(seed), vec.MulT)
			if i == 0 {
				q.target = make([]float32, d*d)
				p.attend(q.target, vec.MulT)
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
		vec.Combine(a.mix.k, a.weights, q.k)
		vec.Combine(a.mix.v, a.weights, q.v)
		total += a.mix.like(q.target, a.out)
	}
	return total / float64(len(a.probes))
}

// negligible is a difference of logits whose share of a row, 4e-18, no float32
// number shows. Logits have standard deviations of 20 and more, so that most
// of a row is.
const negligible = -40

// like returns the similarity of p's output with a target's. Out is room for
// the logits.
func (p *projection) like(target, out []float32) float64 {
	d := len(p.v)
	vec.MulT(out, p.q, p.k, d, d, d)
	total := 0.0
	for i := range d {
		row, t, v := out[i*d:(i+1)*d], target[i*d:(i+1)*d], p.v[:d]
		peak := row[0]
		for _, x := range row {
			peak = max(peak, x)
		}
		norm, dot := 0.0, 0.0
		for j, x := range row {
			if x -= peak; x > negligible {
				e := float64(expf(x) * v[j])
				norm += float64(e * e)
				dot += float64(e * float64(t[j]))
			}
		}
		if norm > 0 {
			total += dot / math.Sqrt(norm)
		}
	}
	return total / float64(d)
}

// Mixes returns the similarities, [input][mix], with the target's of mixes of
// the models at head h. The weights are mixed first: it is for a few mixes, on
// inputs that nothing was fitted to.
func (h Head) Mixes(ctx context.Context, inputs [][]float32, models []*checkpoint.File, target *checkpoint.File, mixes [][]float64) ([][]float64, error) {
	d := h.Dim
	w := newWeights(d)
	if err := h.read(w, target); err != nil {
		return nil, fmt.Errorf("%s: %w", target.Path(), err)
	}
	var outputs [][]float32
	for _, x := range inputs {
		t := make([]float32, d*d)
		p := h.project(w, x, vec.MulT)
		p.attend(t, vec.MulT)
		outputs = append(outputs, t)
	}
	sums := make([][3][]float64, len(mixes))
	for i := range sums {
		sums[i] = [3][]float64{make([]float64, d*d), make([]float64, d*d), make([]float64, d*d)}
	}
	for k, f := range models {
		if err := h.read(w, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path(), err)
		}
		for i, m := range mixes {
			if m[k] != 0 {
				vec.Axpy64(sums[i][0], m[k], w.q)
				vec.Axpy64(sums[i][1], m[k], w.k)
				vec.Axpy64(sums[i][2], m[k], w.v)
			}
		}
	}
	all := make([][]float64, len(inputs))
	out := make([]float32, d*d)
	for _, s := range sums {
		for j, dst := range [][]float32{w.q, w.k, w.v} {
			for i, v := range s[j] {
				dst[i] = float32(v)
			}
		}
		for i, x := range inputs {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p := h.project(w, x, vec.MulT)
			all[i] = append(all[i], p.like(outputs[i], out))
		}
	}
	return all, nil
}
