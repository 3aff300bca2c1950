package vec

import "gonum.org/v1/gonum/blas/blas32"

// Combine sets dst to the sum of w_i times row i, in float32. The rows must be
// as long as dst.
func Combine(dst, w []float32, rows [][]float32) {
	check(len(w) == len(rows))
	for _, r := range rows {
		check(len(r) == len(dst))
	}
	const stretch = 1 << 12 // stays in the first-level cache
	for at := 0; at < len(dst); at += stretch {
		end := min(at+stretch, len(dst))
		y := blas32.Vector{N: end - at, Inc: 1, Data: dst[at:end]}
		clear(y.Data)
		for i, r := range rows {
			if w[i] != 0 {
				blas32.Axpy(w[i], blas32.Vector{N: y.N, Inc: 1, Data: r[at:end]}, y)
			}
		}
	}
}
