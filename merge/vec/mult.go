package vec

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// MulT sets c to a times the transpose of b: c_ij is the inner product of row
// i of a and row j of b. The matrices are m x k, n x k and m x n, row after row.
//
// Sums are taken in float32, in an order that depends on the sizes and the
// processor alone. On x86-64 with AVX2 and FMA it is eight times as fast as
// elsewhere.
func MulT(c, a, b []float32, m, n, k int) {
	if product(c, a, b, m, n, k) {
		mulT(c, a, b, m, n, k)
	}
}

// MulTInOrder is MulT with each sum taken one product after the other, rounded
// after every step: what a BLAS without tricks computes, to the bit (but for
// processors on which gonum's compiler fuses the two roundings, such as arm64).
// It is for reproducing published numbers; on some processors it is half as
// fast.
func MulTInOrder(c, a, b []float32, m, n, k int) {
	if product(c, a, b, m, n, k) {
		mulTInOrder(c, a, b, m, n, k)
	}
}

// product checks the sizes and reports whether there is anything to compute.
func product(c, a, b []float32, m, n, k int) bool {
	check(m >= 0 && n >= 0 && k >= 0 && len(a) == m*k && len(b) == n*k && len(c) == m*n)
	if k == 0 {
		clear(c)
	}
	return len(c) > 0 && k > 0
}

// mulTGeneric is mulT on every machine.
func mulTGeneric(c, a, b []float32, m, n, k int) {
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: m, Cols: k, Stride: k, Data: a},
		blas32.General{Rows: n, Cols: k, Stride: k, Data: b},
		0, blas32.General{Rows: m, Cols: n, Stride: n, Data: c})
}

// mulTInOrderGeneric is mulTInOrder on every machine.
func mulTInOrderGeneric(c, a, b []float32, m, n, k int) {
	clear(c)
	t := make([]float32, k*n)
	for i := range n {
		for l, v := range b[i*k : (i+1)*k] {
			t[l*n+i] = v
		}
	}
	// This product adds multiples of whole rows of t to rows of c, in order.
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1,
		blas32.General{Rows: m, Cols: k, Stride: k, Data: a},
		blas32.General{Rows: k, Cols: n, Stride: n, Data: t},
		1, blas32.General{Rows: m, Cols: n, Stride: n, Data: c})
}
