package similarity

import (
	"context"

	"mixmatch/merge/vec"
)

// A slope is how the similarity of a mix changes with its queries, its keys and
// its column sums, for each number of them.
type slope struct{ q, k, v []float32 }

// Gradient returns Score(w) and sets g to its derivatives by the weights. It
// takes about twice the time, however many models there are.
func (a *AttentionMix) Gradient(ctx context.Context, g, w []float64) (float64, error) {
	total, by := make([]float64, len(a.probes)), make([][]float64, len(a.probes))
	a.each(ctx, func(desk *mixDesk, k int) {
		p := &a.probes[k]
		desk.combine(p, w)
		total[k] = desk.descend(p)
		// The mix is linear in the weights.
		s := desk.slope
		for i := range w {
			by[k] = append(by[k], vec.Dot(s.q, p.q[i])+vec.Dot(s.k, p.k[i])+vec.Dot(s.v, p.v[i]))
		}
	})
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	clear(g)
	for _, of := range by {
		for i, v := range of {
			g[i] += v / float64(a.d*len(by))
		}
	}
	return mean(total), nil
}

// descend sets the slope to that of the sum of the cosines between the rows of the
// mix's output and of the target, and returns their mean.
//
// With e = exp(logit), y = e v and a target row t of length 1, the cosine is
// c = y.t / |y|, and dc/dy = (t - c y/|y|) / |y|. The softmax's denominators do not
// matter.
func (k *mixDesk) descend(p *probe) float64 {
	d := k.projector.d
	if k.slope == nil {
		k.slope = &slope{make([]float32, d*d), make([]float32, d*d), make([]float32, d)}
	}
	s := k.slope
	clear(s.q)
	clear(s.k)
	clear(s.v)
	k.projector.multiply(k.out, k.mix.q, k.mix.k)
	soft := k.mix.softmax()
	at, share, y := make([]int, 0, d), make([]float32, 0, d), make([]float32, 0, d)
	row := func(x []float32, i int) []float32 { return x[i*d : (i+1)*d] }
	total := 0.0
	for i := range d {
		at, share, y = at[:0], share[:0], y[:0]
		dot, t := 0.0, p.target[i*d:(i+1)*d]
		norm := soft.each(k.out[i*d:(i+1)*d], func(j int, e, ev float32) {
			at, share, y = append(at, j), append(share, e), append(y, ev)
			dot += float64(float64(ev) * float64(t[j]))
		})
		if norm == 0 {
			continue
		}
		cos := dot / norm
		total += float64(float32(cos)) // as Score has it, to the bit
		for n, j := range at {
			u := (float64(t[j]) - cos*float64(y[n])/norm) / norm
			s.v[j] += float32(u * float64(share[n]))
			// What changes the sum of the cosines by less cannot be told from noise.
			const least = 1e-7
			if by := float32(u * float64(y[n])); by > least || by < -least {
				vec.Axpy(row(s.q, i), by, row(k.keys, j))
				vec.Axpy(row(s.k, j), by, row(k.mix.q, i))
			}
		}
	}
	return total / float64(d)
}
