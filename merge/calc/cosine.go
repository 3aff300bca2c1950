package calc

import (
	"math"
	"slices"

	"mixmatch/merge/vec"
)

// What torch takes instead of a smaller norm, in cosine_similarity and in
// normalize.
const (
	cosineEps    = 1e-8
	normalizeEps = 1e-12
)

// mergeCosine interpolates from B to A, the nearer to A the more alike the
// models are there (mergers.py:705). The likeness of a column, that is of the
// elements along the first axis, is the mean of its own cosine and that of the
// whole tensors; it is brought to 0..1 by the range over all keys, and alpha is
// taken off. CosineA normalises the columns first, and takes off |alpha|.
func (s Step) mergeCosine(dst []float32, a, b Tensor) {
	_, k := similarity(s.Calc, a, b)
	lo, width := float32(s.Range.Lo), float32(float64(s.Range.Hi-s.Range.Lo))
	off := s.Alpha
	if s.Calc == CosineA {
		off = math.Abs(off)
	}
	for i, v := range k {
		k[i] = clamp(float32(float32(float32(v-lo)/width)-float32(off)), 0, 1)
	}
	for at := 0; at < len(dst); at += len(k) {
		for i, w := range k {
			dst[at+i] = lerp1(b.Data[at+i], a.Data[at+i], w)
		}
	}
	round(a.DType, dst)
}

// similarity returns, for each column, its cosine and the mean of that with the
// cosine of the whole tensors.
func similarity(c Calc, a, b Tensor) (columns, means []float32) {
	rows, cols := outer(a.Shape)
	x, y := a.Data, b.Data
	if c == CosineA {
		x, y = normalized(x, rows, cols), normalized(y, rows, cols)
	}
	columns = cosines(x, y, rows, cols)
	whole := float32(dot(x, y) / float32(root(squares(x))*root(squares(y))))
	means = make([]float32, cols)
	for i, v := range columns {
		means[i] = float32(float32(v+whole) / 2)
	}
	return columns, means
}

// cosines returns the cosine of each column of x with that of y:
// torch.nn.functional.cosine_similarity along the first axis.
func cosines(x, y []float32, rows, cols int) []float32 {
	ones := slices.Repeat([]float32{1}, cols)
	sums := func(t terms) []float32 {
		out := make([]float32, cols)
		if cols == 1 {
			out[0] = rowSum(t.x, t.y, t.nx[0], t.ny[0])
		} else {
			t.columnSums(out, rows)
		}
		return out
	}
	norms := func(x []float32) []float32 {
		n := sums(terms{x, x, ones, ones})
		for i, v := range n {
			n[i] = floor(root(v), cosineEps)
		}
		return n
	}
	return sums(terms{x, y, norms(x), norms(y)})
}

// normalized returns x with each column divided by its norm:
// torch.nn.functional.normalize along the first axis.
func normalized(x []float32, rows, cols int) []float32 {
	sum := make([]float32, cols)
	if cols == 1 {
		sum[0] = squares(x)
	} else {
		for r := range rows {
			for i, v := range x[r*cols : (r+1)*cols] {
				sum[i] = vec.FMA(v, v, sum[i])
			}
		}
	}
	for i, v := range sum {
		sum[i] = floor(root(v), normalizeEps)
	}
	out := make([]float32, len(x))
	for r := range rows {
		at := r * cols
		for i, n := range sum {
			out[at+i] = float32(x[at+i] / n)
		}
	}
	return out
}

// squares returns the sum of squares of x in the order of torch.norm: in eight
// lanes, which are then added up.
func squares(x []float32) float32 {
	var sum [lanes]float32
	return fmaSum(sum[:], x, x)
}

// dot returns the inner product of x and y in the order of torch.dot, which is
// that of its BLAS: sixty-four lanes, those of four vectors.
func dot(x, y []float32) float32 {
	var sum [64]float32
	return fmaSum(sum[:], x, y)
}

// fmaSum adds up the products of x and y in as many sums as there are in sum,
// folds those (to eight for squares, to sixteen for dot: a vector), and then
// takes what is left.
func fmaSum(sum, x, y []float32) float32 {
	n := len(x) / len(sum) * len(sum)
	for at := 0; at < n; at += len(sum) {
		p, q := x[at:at+len(sum)], y[at:at+len(sum)]
		for i := range sum {
			sum[i] = vec.FMA(p[i], q[i], sum[i])
		}
	}
	width := len(sum)
	if width > 16 {
		width = 16
		for i := width; i < len(sum); i++ {
			sum[i%width] = float32(sum[i%width] + sum[i])
		}
	}
	total := float32(0)
	for _, v := range sum[:width] {
		total = float32(total + v)
	}
	for i := n; i < len(x); i++ {
		total = vec.FMA(x[i], y[i], total)
	}
	return total
}
