package similarity

import (
	"math"

	"mixmatch/merge/block"
)

// Slope returns [Blocks.Loss] for the weights w and sets g, one a name, to its
// derivatives by the weights, where those of models are kept at a sum of 1: that of
// the first model follows from the others, and g of it is 0.
//
// With the residual q = T - sM, s = <M,T>/<M,M>, the derivative of the cosine by the
// weight of row D_i is <q,D_i> / sqrt(<M,M><T,T>), which the products give in delta
// form: q = (1-s) B + E - s sum of w_j D_j.
func (b *Blocks) Slope(id block.ID, g, w []float64) (float64, error) {
	clear(g)
	loss, err := b.Loss(id, w)
	if err != nil {
		return 0, err
	}
	s := &b.sums[id]
	mt, mm, tt, _ := s.moments(w)
	if !(mm > 0 && tt > 0) {
		return loss, nil // a zero vector has no direction
	}
	m := len(w) + 1
	e := m - 1
	scale, size := mt/mm, math.Sqrt(mm*tt)
	for i := 1; i < len(w); i++ {
		row := s.p[i*m : i*m+m]
		q := float64((1-scale)*row[0]) + row[e]
		for j := 1; j < len(w); j++ {
			q -= float64(scale * w[j] * row[j])
		}
		g[i] = -q / size
	}
	return loss, nil
}

// Products returns the inner products of block id: the matrix of B, D_1 .. D_n-1 and
// E, the rows of a [Gram], row by row. The caller must not change it.
func (b *Blocks) Products(id block.ID) []float64 { return b.sums[id].p }
