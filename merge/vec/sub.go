package vec

import "gonum.org/v1/gonum/blas/blas32"

// Sub takes x from dst, element by element, in float32.
func Sub(dst, x []float32) {
	check(len(dst) == len(x))
	if len(x) == 0 {
		return
	}
	// dst + (-1)*x: the product is exact, so it rounds once, as a difference does.
	blas32.Axpy(-1, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(dst), Inc: 1, Data: dst})
}
