package similarity

import (
	"math"

	"mixmatch/merge/portable"
)

// A linear is a set of rows, each a linear combination of B, D_1 .. D_n-1, E.
type linear struct {
	rows, cols int
	c          []float64
}

func (l linear) row(i int) []float64 { return l.c[i*l.cols : (i+1)*l.cols] }

// regressors returns R, the differences of the other free models from the
// first, the free differences, and the response T - R. The first models of the rows
// are models; the first of free is one.
func regressors(fixed []float64, rest float64, free []int, models int) linear {
	l := linear{rows: len(free) + 1, cols: len(fixed) + 1}
	l.c = make([]float64, l.rows*l.cols)
	start := l.row(0)
	start[0] = 1
	for i := 1; i < len(fixed); i++ {
		start[i] = fixed[i]
	}
	r := free[0]
	if r > 0 {
		start[r] += rest
	}
	for k, i := range free[1:] {
		row := l.row(k + 1)
		if i > 0 {
			row[i] = 1
		}
		if r > 0 && i < models {
			row[r] = -1
		}
	}
	response := l.row(l.rows - 1)
	response[l.cols-1] = 1
	for i := 1; i < len(fixed); i++ {
		response[i] = -start[i]
	}
	return l
}

// transform returns c p c', the products of the rows of c.
func transform(c linear, p []float64) []float64 {
	half := make([]float64, c.rows*c.cols)
	for i := range c.rows {
		for j, v := range c.row(i) {
			if v == 0 {
				continue
			}
			for k := range c.cols {
				half[i*c.cols+k] += float64(v * p[j*c.cols+k])
			}
		}
	}
	out := make([]float64, c.rows*c.rows)
	for j := range c.rows {
		for k, v := range c.row(j) {
			if v == 0 { // nearly all are
				continue
			}
			for i := range c.rows {
				out[i*c.rows+j] += float64(half[i*c.cols+k] * v)
			}
		}
	}
	return out
}

// independent tells which of the first n rows of the products k (n+1 square)
// are no combination of those before them. Going in order, and not by size,
// gives a model that has twins its weight where it is named first. What is left of
// a row must be more than least.
func independent(k []float64, n int, least float64) []bool {
	m := n + 1
	scale := make([]float64, n)
	a := make([]float64, n*n)
	for i := range n {
		if d := k[i*m+i]; d > 0 {
			scale[i] = 1 / math.Sqrt(d)
		}
	}
	for i := range n {
		for j := range n {
			a[i*n+j] = k[i*m+j] * scale[i] * scale[j]
		}
	}
	keep := make([]bool, n)
	for i := range n {
		d := a[i*n+i]
		if !(d > dependent && d*k[i*m+i] > least) {
			continue
		}
		keep[i] = true
		for j := i + 1; j < n; j++ {
			f := a[j*n+i] / d
			for l := i; l < n; l++ {
				a[j*n+l] -= float64(f * a[i*n+l])
			}
		}
	}
	return keep
}

// leastSquares returns the least-squares coefficients of the response on the rows
// kept (others 0), and the inverse of the kept rows' products, zero elsewhere.
func leastSquares(k []float64, keep []bool) (z []float64, inverse []float64) {
	n := len(keep)
	m := n + 1
	var at []int
	for i, ok := range keep {
		if ok {
			at = append(at, i)
		}
	}
	z, inverse = make([]float64, n), make([]float64, n*n)
	if len(at) == 0 {
		return z, inverse
	}
	r := len(at)
	a, rhs, scale := make([]float64, r*r), make([]float64, r), make([]float64, r)
	for i, p := range at {
		scale[i] = 1 / math.Sqrt(k[p*m+p])
	}
	for i, p := range at {
		for j, q := range at {
			a[i*r+j] = k[p*m+q] * scale[i] * scale[j]
		}
		rhs[i] = k[p*m+n] * scale[i]
	}
	x, inv, ok := portable.Solve(a, rhs)
	if !ok { // every row kept stands clear of the others, so it hardly can be
		for i := range inverse {
			inverse[i] = math.Inf(1) // nothing is certain
		}
		return z, inverse
	}
	for i, p := range at {
		z[p] = x[i] * scale[i]
		for j, q := range at {
			inverse[p*n+q] = inv[i*r+j] * scale[i] * scale[j]
		}
	}
	return z, inverse
}

// unsolved reports whether the inverse is of equations that leastSquares could not solve.
func unsolved(inverse []float64) bool { return len(inverse) > 0 && math.IsInf(inverse[0], 1) }

// leastTensors is how many tensors a block must have for residuals that go together
// within a tensor to be seen.
const leastTensors = 8

// sandwich returns the covariance of the coefficients z: inverse * (sum over
// tensors of u_t^2 s_t^2 K_t) * inverse, u_t being the tensor's weight and s_t^2
// its mean squared residual and at the least its rounding noise; and the clustered
// one, inverse * (sum over tensors of g_t g_t') * inverse, g_t = u_t (K_t's products
// with the residual), or nil where the tensors are few.
func (s *system) sandwich(tensors []*Products, weight func(*Products) float64) (cov, clustered []float64) {
	c, keep, z, inverse := s.rows, s.keep, s.z, s.inverse
	n := len(keep)
	if n > 0 && math.IsInf(inverse[0], 1) {
		return inverse, nil
	}
	meat, scores, score := make([]float64, n*n), make([]float64, n*n), make([]float64, n)
	full := make([]float64, c.cols*c.cols)
	for _, t := range tensors {
		for i, row := range t.P.Rows() {
			for k, v := range row {
				full[i*c.cols+i+k], full[(i+k)*c.cols+i] = v, v
			}
		}
		kt := transform(c, full)
		m := n + 1
		rss := kt[n*m+n]
		for i := range n {
			fitted := 0.0
			for j := range n {
				fitted += float64(z[j] * kt[i*m+j])
			}
			score[i] = kt[i*m+n] - fitted
			rss -= float64(z[i] * (kt[i*m+n] + score[i]))
		}
		u := weight(t)
		noise := u * u * max(rss, t.Floor) / float64(t.Len)
		for i := range n {
			for j := range n {
				if keep[i] && keep[j] {
					meat[i*n+j] += float64(noise * kt[i*m+j])
					scores[i*n+j] += float64(u * u * score[i] * score[j])
				}
			}
		}
	}
	cov = mul(mul(inverse, meat, n), inverse, n)
	if len(tensors) >= leastTensors {
		clustered = mul(mul(inverse, scores, n), inverse, n)
	}
	return cov, clustered
}

func mul(a, b []float64, n int) []float64 {
	out := make([]float64, n*n)
	for i := range n {
		for k := range n {
			if v := a[i*n+k]; v != 0 {
				for j := range n {
					out[i*n+j] += float64(v * b[k*n+j])
				}
			}
		}
	}
	return out
}

// quadratic returns g' cov g, infinite if cov is.
func quadratic(cov, g []float64) float64 {
	n := len(g)
	if n > 0 && math.IsInf(cov[0], 1) {
		return cov[0]
	}
	sum := 0.0
	for i := range n {
		for j := range n {
			sum += float64(g[i] * cov[i*n+j] * g[j])
		}
	}
	return sum
}
