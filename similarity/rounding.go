package similarity

import (
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// Rounding returns what storing numbers once as dtype adds to a squared distance
// on average: the sum of ulp^2/12 over the numbers in stored. It is 0 for formats
// that are not computed with.
func Rounding(dtype checkpoint.DType, stored []byte) float64 {
	switch dtype {
	case checkpoint.F16:
		return vec.SumUlp2F16(stored) / 12
	case checkpoint.BF16:
		return vec.SumUlp2BF16(stored) / 12
	case checkpoint.F32:
		return vec.SumUlp2F32(stored) / 12
	case checkpoint.F64:
		return vec.SumUlp2F64(stored) / 12
	}
	return 0
}
