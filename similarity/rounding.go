package similarity

import (
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// A Rounder tells what rounding adds to a squared distance. It holds buffers; the
// zero one is ready.
type Rounder struct {
	x     []float32
	spare []byte
}

// Rounding returns what storing numbers of tensor t of m once adds to a squared
// distance on average, the sum of ulp^2/12: those stored as bytes, from element at of
// the tensor on. Stored is that of the format they are stored in or, if one is named,
// of a grid that is coarser ([vec.GridOf]); half is that of float16.
func (r *Rounder) Rounding(m *merge.Model, t checkpoint.Tensor, bytes []byte, at int, grid string) (stored, half float64, err error) {
	g, coarser := vec.GridOf(grid)
	if !coarser {
		stored, err = m.File.Rounding(bytes, t, at)
		if err != nil || t.DType == checkpoint.F16 {
			return stored, stored, err
		}
	}
	n := len(bytes) * 8 / t.DType.Bits()
	r.x = slices.Grow(r.x[:0], n)[:n]
	t.DType.Widen(r.x, bytes)
	if coarser {
		stored = g.SumUlp2(r.x) / 12
	}
	r.spare = slices.Grow(r.spare[:0], 2*n)[:2*n]
	vec.NarrowF16(r.spare, r.x)
	return stored, vec.SumUlp2F16(r.spare) / 12, nil
}
