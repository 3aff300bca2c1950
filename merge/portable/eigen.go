package portable

import (
	"math"
	"slices"
)

// Eigen returns the eigenvalues of the symmetric matrix a of n rows, the largest
// first, and an eigenvector of length 1 for each, one after the other. It is false
// if a has numbers that are not finite.
//
// Householder's reflections make a tridiagonal, the implicit QL method makes that
// diagonal (Golub and Van Loan, Matrix Computations, 8.3).
func Eigen(a []float64, n int) (values, vectors []float64, ok bool) {
	largest := 0.0
	for _, v := range a {
		largest = max(largest, math.Abs(v))
	}
	if !(largest <= math.MaxFloat64) {
		return nil, nil, false
	}
	// With numbers of at most 1, squares do no harm.
	_, scale := math.Frexp(largest)
	t := make([]float64, n*n)
	for i, v := range a {
		t[i] = math.Ldexp(v, -scale)
	}
	d, e, mirrors := tridiagonal(t, n)
	vectors = make([]float64, n*n)
	for i := range n {
		vectors[i*n+i] = 1
	}
	if !diagonal(d, e, vectors) {
		return nil, nil, false
	}
	for i := range n {
		for k := len(mirrors) - 1; k >= 0; k-- {
			mirrors[k].reflect(vectors[i*n+n-len(mirrors[k]) : (i+1)*n])
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case d[i] > d[j]:
			return -1
		case d[i] < d[j]:
			return 1
		}
		return 0
	})
	sorted := make([]float64, 0, n*n)
	for _, i := range order {
		values = append(values, math.Ldexp(d[i], scale))
		sorted = append(sorted, vectors[i*n:(i+1)*n]...)
	}
	return values, sorted, true
}

// A mirror is a vector v of squared length 2: x - (v.x) v is the mirror image of x.
// An empty one reflects nothing.
type mirror []float64

func (v mirror) reflect(x []float64) {
	AddScaled(x, -Dot(v, x), v)
}

// tridiagonal returns the diagonal and what lies beside it of the tridiagonal
// matrix that reflections turn the symmetric matrix t into, and the reflections.
// Mirror k is for the last n-k-1 places. What t held is lost.
func tridiagonal(t []float64, n int) (d, e []float64, mirrors []mirror) {
	d, e = make([]float64, n), make([]float64, n)
	p := make([]float64, n)
	for k := range n {
		d[k] = t[k*n+k]
		if k == n-1 {
			break
		}
		row := t[k*n+k+1 : (k+1)*n] // the column, too
		if k == n-2 {
			e[k] = row[0]
			continue
		}
		length := math.Sqrt(Dot(row, row))
		e[k] = length
		if row[0] > 0 {
			e[k] = -length
		}
		// v = row - e[k] (1, 0, ...), made sqrt 2 long: |v|^2 = 2 e[k] (e[k] - row[0]).
		v := mirror(slices.Clone(row))
		v[0] -= e[k]
		if half := e[k] * (e[k] - row[0]); half > 0 {
			f := 1 / math.Sqrt(half)
			for i := range v {
				v[i] *= f
			}
		} else {
			clear(v)
		}
		mirrors = append(mirrors, v)
		// H t H = t - v w' - w v' with w = t v - (v.t v) v / 2.
		m := len(v)
		w := p[:m]
		for i := range m {
			at := (k+1+i)*n + k + 1
			w[i] = Dot(t[at:at+m], v)
		}
		AddScaled(w, -Dot(v, w)/2, v)
		for i := range m {
			at := (k+1+i)*n + k + 1
			rest, vi, wi := t[at:at+m], v[i], w[i]
			for j := range rest {
				rest[j] -= float64(vi*w[j]) + float64(wi*v[j])
			}
		}
	}
	return d, e, mirrors
}

// diagonal turns the tridiagonal matrix of d and e into a diagonal one, d. The rows
// of z, as many as d has, are turned with it: where they begin as those of the
// identity they end as the eigenvectors. It is false if that takes too long.
func diagonal(d, e, z []float64) bool {
	n, size := len(d), 0.0
	for i := range n {
		size = max(size, math.Abs(d[i])+math.Abs(e[i]))
	}
	for l := range n {
		for turns := 0; ; turns++ {
			m := l
			for m < n-1 && math.Abs(e[m]) > epsilon*size {
				m++
			}
			if m == l {
				break
			}
			if turns == 60 {
				return false
			}
			sweep(d, e, z, l, m)
		}
	}
	return true
}

// epsilon is half a unit in the last place of 1.
const epsilon = 0x1p-53

// sweep does one step of the QL method on rows l to m, by plane rotations from the
// last row up. It brings e[l] towards 0.
func sweep(d, e, z []float64, l, m int) {
	n := len(d)
	// Wilkinson's shift: the eigenvalue of the first two rows that is nearer to d[l].
	g := (d[l+1] - d[l]) / float64(2*e[l])
	g = (d[m] - d[l]) + e[l]/(g+math.Copysign(hypot(g, 1), g))
	s, c, p := 1.0, 1.0, 0.0
	for i := m - 1; i >= l; i-- {
		f, b := float64(s*e[i]), float64(c*e[i])
		r := hypot(f, g)
		e[i+1] = r
		if r == 0 { // the matrix falls apart here
			d[i+1] -= p
			e[m] = 0
			return
		}
		s, c = f/r, g/r
		g = d[i+1] - p
		r = float64((d[i]-g)*s) + float64(2*c*b)
		p = float64(s * r)
		d[i+1] = g + p
		g = float64(c*r) - b
		rotate(z[i*n:(i+1)*n], z[(i+1)*n:(i+2)*n], s, c)
	}
	d[l] -= p
	e[l], e[m] = g, 0
}

func rotate(x, y []float64, s, c float64) {
	y = y[:len(x)]
	for k, u := range x {
		v := y[k]
		x[k] = float64(c*u) - float64(s*v)
		y[k] = float64(s*u) + float64(c*v)
	}
}

// hypot returns the root of the sum of squares.
func hypot(x, y float64) float64 {
	x, y = math.Abs(x), math.Abs(y)
	x, y = max(x, y), min(x, y)
	if x == 0 {
		return 0
	}
	q := y / x
	return x * math.Sqrt(1+float64(q*q))
}
