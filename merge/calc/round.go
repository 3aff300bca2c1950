package calc

import "mixmatch/merge/vec"

// round sets each element of x to what a tensor of the format would hold.
func round(dtype string, x []float32) {
	switch dtype {
	case F16:
		vec.RoundF16(x)
	case BF16:
		vec.RoundBF16(x)
	}
}
