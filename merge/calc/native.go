package calc

import "mixmatch/merge/vec"

// An operand is a chunk of a tensor.
type operand struct {
	dtype string
	data  []float32
}

// native3 merges in the tensors' own formats: each product is rounded to its
// tensor's, each sum to the wider of the two, and each ratio to the format of
// what it multiplies. t and u are scratch.
func (s Step) native3(dst, t, u []float32, a, b, c operand) {
	out := operand{promote(a.dtype, b.dtype), dst}
	switch s.Mode {
	case WeightSum, SumTwice:
		add(out, scaled(t, a, 1-s.Alpha), scaled(u, b, s.Alpha))
		if s.Mode == SumTwice {
			sum := scaled(t, out, 1-s.Beta)
			add(operand{promote(out.dtype, c.dtype), dst}, sum, scaled(u, c, s.Beta))
		}
	case TripleSum:
		add(out, scaled(t, a, 1-s.Alpha-s.Beta), scaled(u, b, s.Alpha))
		add(operand{promote(out.dtype, c.dtype), dst}, out, scaled(u, c, s.Beta))
	case AddDifference:
		diff := operand{promote(b.dtype, c.dtype), t}
		subtract(t, b.data, c.data)
		round(diff.dtype, t)
		add(operand{promote(a.dtype, diff.dtype), dst}, a, scaled(t, diff, s.Alpha))
	}
}

// scaled sets dst to x times w, in x's format.
func scaled(dst []float32, x operand, w float64) operand {
	ratio := []float32{float32(w)}
	round(x.dtype, ratio)
	vec.Scale(dst, ratio[0], x.data[:len(dst)])
	round(x.dtype, dst)
	return operand{x.dtype, dst}
}

// add sets dst to x + y, in dst's format.
func add(dst, x, y operand) {
	out := dst.data
	vec.Add(out, x.data[:len(out)], y.data[:len(out)])
	round(dst.dtype, out)
}

// promote returns the format that holds numbers of both: torch's rule.
func promote(a, b string) string {
	if a == b {
		return a
	}
	return F32
}

// mergeSelf is A x alpha, in A's format. Mergers.py leaves attention outputs,
// projections out and norms alone, which keeps has seen to.
func (s Step) mergeSelf(dst []float32, a Tensor) {
	for at := 0; at < len(dst); at += part {
		end := min(at+part, len(dst))
		scaled(dst[at:end], operand{a.DType, a.Data[at:end]}, s.Alpha)
	}
}
