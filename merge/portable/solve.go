package portable

import "math"

// Solve returns the solution x of a x = b and the inverse of a, a symmetric
// positive definite matrix of len(b) rows, of which the lower triangle is read. It
// is false if a is not positive definite to the precision of float64.
//
// With a = l l' (Cholesky), the inverse is m'm for m, the inverse of l.
func Solve(a, b []float64) (x, inverse []float64, ok bool) {
	n := len(b)
	l, m := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			sum := a[i*n+j]
			for k := range j {
				sum -= float64(l[i*n+k] * l[j*n+k])
			}
			if i > j {
				l[i*n+j] = sum / l[j*n+j]
				continue
			}
			if !(sum > 0) || sum > math.MaxFloat64 {
				return nil, nil, false
			}
			l[i*n+i] = math.Sqrt(sum)
		}
	}
	for j := range n {
		m[j*n+j] = 1 / l[j*n+j]
		for i := j + 1; i < n; i++ {
			sum := 0.0
			for k := j; k < i; k++ {
				sum -= float64(l[i*n+k] * m[k*n+j])
			}
			m[i*n+j] = sum / l[i*n+i]
		}
	}
	inverse = make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			sum := 0.0
			for k := i; k < n; k++ {
				sum += float64(m[k*n+i] * m[k*n+j])
			}
			inverse[i*n+j], inverse[j*n+i] = sum, sum
		}
	}
	x = make([]float64, n)
	for i := range n {
		sum := b[i]
		for k := range i {
			sum -= float64(l[i*n+k] * x[k])
		}
		x[i] = sum / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		sum := x[i]
		for k := i + 1; k < n; k++ {
			sum -= float64(l[k*n+i] * x[k])
		}
		x[i] = sum / l[i*n+i]
	}
	return x, inverse, true
}
