package lowrank

import "mixmatch/merge/vec"

// A Shadow is what the directions of a [Found] see of another matrix X of its
// shape: U'X and X V. With them products are brought down to what lies outside of
// the directions, without the matrices.
type Shadow struct {
	f          *Found
	rows, cols int
	ux         []float32 // (U'X)', cols x Rank
	xv         []float32 // rows x Rank
	ut         []float32 // U', Rank x rows
	v          *vec.Packed
	wide       int
}

// NewShadows returns n shadows on a matrix of the given shape. They share what
// they need of f.
func (f *Found) NewShadows(n, rows, cols int) []*Shadow {
	ut, vt := make([]float32, len(f.U)), make([]float32, len(f.V))
	vec.Transpose(ut, rows, f.U, f.Rank, rows, f.Rank)
	vec.Transpose(vt, cols, f.V, f.Rank, cols, f.Rank)
	v, wide := pack(vt, f.Rank, cols)
	all := make([]*Shadow, n)
	for i := range all {
		all[i] = &Shadow{
			f: f, rows: rows, cols: cols, ut: ut, v: v, wide: wide,
			ux: make([]float32, cols*f.Rank), xv: make([]float32, rows*f.Rank),
		}
	}
	return all
}

// Add adds rows of X, from row at on. Every row is to be added once.
func (s *Shadow) Add(x []float32, at int) {
	r, n := s.f.Rank, len(x)/max(s.cols, 1)
	c := make([]float32, max(n, s.cols)*s.wide)
	s.v.MulT(c[:n*s.wide], x, n)
	for i := range n {
		copy(s.xv[(at+i)*r:(at+i+1)*r], c[i*s.wide:])
	}
	u := make([]float32, r*n)
	for k := range r {
		copy(u[k*n:(k+1)*n], s.ut[k*s.rows+at:])
	}
	p, wide := pack(u, r, n)
	t := make([]float32, len(x))
	vec.Transpose(t, n, x, s.cols, n, s.cols)
	p.MulT(c[:s.cols*wide], t, s.cols)
	for j := range s.cols {
		for k, v := range c[j*wide : j*wide+r] {
			s.ux[j*r+k] += v
		}
	}
}

// Outside takes from p, the products of matrices with each other (all pairs i <=
// j, row by row), what lies in the directions that their shadows see, and leaves
//
//	<A,B> - <U'A,U'B> - <AV,BV> + <U'AV,U'BV>,
//
// the products of (1-UU') A (1-VV').
func Outside(p []float64, shadows []*Shadow) {
	n := len(shadows)
	left, right, both := make([][]float32, n), make([][]float32, n), make([][]float32, n)
	for i, s := range shadows {
		left[i], right[i], both[i] = s.ux, s.xv, s.inner()
	}
	for _, part := range []struct {
		rows [][]float32
		sign float64
	}{{left, -1}, {right, -1}, {both, 1}} {
		sum := make([]float64, len(p))
		vec.Products(sum, part.rows)
		for i, v := range sum {
			p[i] += float64(part.sign * v)
		}
	}
}

// inner returns U'X V.
func (s *Shadow) inner() []float32 {
	r := s.f.Rank
	sum := make([]float64, r*r)
	for i := range s.rows {
		for k, u := range s.f.U[i*r : (i+1)*r] {
			vec.Axpy64(sum[k*r:(k+1)*r], float64(u), s.xv[i*r:(i+1)*r])
		}
	}
	out := make([]float32, r*r)
	for i, v := range sum {
		out[i] = float32(v)
	}
	return out
}
