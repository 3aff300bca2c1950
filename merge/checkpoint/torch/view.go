package torch

import (
	"math"
	"math/bits"

	"mixmatch/merge/checkpoint"
)

// A view is where the numbers of a tensor lie in a storage: the first at byte
// begin; one step along dimension i is strides[i] bytes.
type view struct {
	storage *storage
	begin   int64
	width   int64   // bytes of a number
	shape   []int64 // nil like strides
	strides []int64 // nil if the numbers lie row by row, back to back
}

const (
	// maxDims is the most dimensions that PyTorch computes with.
	maxDims = 64

	// maxExpanded is how many bytes a tensor may have that repeats the numbers of
	// a storage, beyond what the storage has. Real ones are position ids.
	maxExpanded = 16 << 20
)

// layOut returns the view of the numbers from begin on, of width bytes each. Shape
// and strides are those of the tensor, in numbers.
func layOut(s *storage, width, begin int64, shape, strides []int64) (view, error) {
	v := view{storage: s, width: width}
	elements, last := uint64(1), uint64(begin)
	empty, over := false, false
	for i, n := range shape {
		if n < 0 || strides[i] < 0 {
			return v, checkpoint.Malformed("malformed: shape %d with strides %d", shape, strides)
		}
		empty = empty || n == 0
		hi, lo := bits.Mul64(elements, uint64(n))
		elements, over = lo, over || hi != 0
		// The number farthest from the first lies at the end of every dimension.
		hi, lo = bits.Mul64(uint64(max(n, 1)-1), uint64(strides[i]))
		sum, carry := bits.Add64(last, lo, 0)
		last, over = sum, over || hi != 0 || carry != 0
	}
	stored := uint64(s.size / width)
	switch {
	case begin < 0:
		return v, checkpoint.Malformed("malformed: offset %d", begin)
	case empty:
		return v, fits(shape)
	case over || last >= stored:
		return v, checkpoint.Malformed("malformed: offset %d, shape %d and strides %d reach beyond its storage of %d numbers", begin, shape, strides, stored)
	case elements > max(stored, maxExpanded/uint64(width)) || elements > math.MaxInt/8:
		return v, checkpoint.Malformed("malformed: shape %d and strides %d make %d numbers of the %d that are stored", shape, strides, elements, stored)
	}
	v.begin = begin * width
	if !backToBack(shape, strides) {
		v.shape, v.strides = shape, make([]int64, len(strides))
		for i, n := range strides {
			if shape[i] > 1 { // else it may be anything
				v.strides[i] = n * width
			}
		}
	}
	return v, nil
}

// fits returns an error if a dimension of an empty tensor is too large for a shape.
func fits(shape []int64) error {
	for _, n := range shape {
		if n > math.MaxInt32 {
			return checkpoint.Malformed("malformed: shape %d", shape)
		}
	}
	return nil
}

// backToBack reports whether the numbers lie row by row, without any between.
func backToBack(shape, strides []int64) bool {
	next := int64(1)
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != next {
			return false
		}
		next *= shape[i]
	}
	return true
}
