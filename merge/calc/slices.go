package calc

import "math"

// mergeSlices takes each element from A or from B (mergers.py:822). Beta says
// where B's share, alpha, begins; what would reach beyond the end goes on at
// the beginning. Slices cuts along the first axis, Slices2 along the second,
// where there is one. The format is that of the model with most of the share.
func (s Step) mergeSlices(dst []float32, a, b Tensor) string {
	axis, n := 0, float64(a.Shape[0])
	if s.Calc == Slices2 && len(a.Shape) > 1 {
		axis = 1
		// SuperMerger takes the length of the other axis unless this one is
		// longer than 100.
		if a.Shape[1] > 100 {
			n = float64(a.Shape[1])
		}
	}
	begin, end, base, patch := s.Beta, s.Alpha+s.Beta, a, b
	if end > 1 {
		begin, end, base, patch = end-1, begin, b, a
	}
	size := a.Shape[axis]
	from, to := bound(n*begin, size), bound(n*end, size)
	copy(dst, base.Data)
	if from >= to {
		return base.DType
	}
	inner := 1
	for _, d := range a.Shape[axis+1:] {
		inner *= d
	}
	for at := 0; at < len(dst); at += size * inner {
		cut := dst[at+from*inner : at+to*inner]
		copy(cut, patch.Data[at+from*inner:])
		round(base.DType, cut)
	}
	return base.DType
}

// bound returns the place in an axis of n elements that Python's slices mean by
// int(x): from the end where negative, never beyond an end.
func bound(x float64, n int) int {
	x = math.Trunc(x)
	if x < 0 {
		x += float64(n)
	}
	return int(min(max(x, 0), float64(n)))
}

// outer returns the first axis of a shape and the number of elements of the
// others; a lone number is a row of one.
func outer(shape []int) (rows, cols int) {
	if len(shape) == 0 {
		return 1, 1
	}
	return shape[0], product(shape[1:])
}

// inner returns the number of rows along the last axis, and their length.
func inner(shape []int) (rows, cols int) {
	if len(shape) == 0 {
		return 1, 1
	}
	last := len(shape) - 1
	return product(shape[:last]), shape[last]
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
