package lowrank

import (
	"context"
	"math"
	"math/rand/v2"

	"mixmatch/merge/portable"
	"mixmatch/merge/vec"
)

// A sketch is a matrix as seen in a small space: A ~ Q (Q'A), and Q'A = W S V'.
type sketch struct {
	a      Matrix
	asked  int       // columns wanted
	k      int       // vectors in q and b: fewer where A has no more directions
	q      []float32 // the space's basis: vectors of a.Rows numbers; nil for the rows themselves
	b      []float32 // A'q: vectors of a.Cols numbers
	flip   bool      // a is the transpose of the matrix asked about
	values []float64 // singular values, the largest first
	w      []float64 // the left singular vectors of Q'A: k of k numbers, one after the other
}

// sketch finds the space that A maps k random vectors into, and improves it by a
// power iteration, Q <- A A' Q, which makes what stands clear of the noise
// stand clearer (Halko, Martinsson and Tropp 2011, algorithm 4.4). The random
// vectors are of signs: they do as well as Gaussian ones, and are the same
// everywhere. It returns nil if ctx ends.
func (s *search) sketch(ctx context.Context, k int) *sketch {
	a := s.a
	z := make([]float32, k*a.Cols)
	r := rand.New(rand.NewPCG(uint64(a.Rows), uint64(a.Cols)))
	for i := 0; i < len(z); i += 64 {
		bits := r.Uint64()
		for j := range z[i:min(i+64, len(z))] {
			z[i+j] = float32(1 - 2*int(bits>>j&1))
		}
	}
	sk := &sketch{a: a, asked: k}
	sk.q, sk.k = orthonormal(a.columns(z, k), k, a.Rows)
	if !s.again(ctx, sk) {
		return nil
	}
	return sk
}

// again does one more power iteration. It returns false, and leaves it undone, if ctx
// ends.
func (s *search) again(ctx context.Context, sk *sketch) bool {
	if sk.q == nil || sk.k == 0 {
		return true
	}
	if sk.b == nil && ctx.Err() == nil {
		sk.b = sk.a.rows(sk.q, sk.k)
	}
	if ctx.Err() != nil {
		return false
	}
	z, k := orthonormal(sk.b, sk.k, sk.a.Cols)
	sk.q, sk.k = orthonormal(sk.a.columns(z, k), k, sk.a.Rows)
	if ctx.Err() != nil {
		return false
	}
	sk.b = sk.a.rows(sk.q, sk.k)
	sk.solve()
	return true
}

// exact makes a sketch of all rows, or columns if there are fewer.
func (s *search) exact() *sketch {
	sk := &sketch{a: s.a, k: s.a.Rows, b: s.a.Data}
	if s.a.Cols < s.a.Rows {
		sk.flip = true
		sk.k = s.a.Cols
		sk.b = make([]float32, len(s.a.Data))
		vec.Transpose(sk.b, s.a.Rows, s.a.Data, s.a.Cols, s.a.Rows, s.a.Cols)
		sk.a = Matrix{Rows: s.a.Cols, Cols: s.a.Rows, Data: sk.b}
	}
	sk.solve()
	return sk
}

// solve finds the singular values and left vectors of Q'A from its products
// with itself, W S^2 W'. Squaring loses values below 1e-8 of the largest, and some
// more where they are many, which float32 numbers do not hold either: those are 0.
func (sk *sketch) solve() {
	sk.values, sk.w = eigen(gram(sk.b, sk.k, sk.a.Cols), sk.k)
	lost := 0.0
	if sk.k > 0 {
		lost = 0x1p-53 * float64(sk.k) * sk.values[0]
	}
	for i, v := range sk.values {
		if v <= lost {
			v = 0
		}
		sk.values[i] = math.Sqrt(v)
	}
}

// eigen returns the eigenvalues of a symmetric matrix of which the upper
// triangle is given, the largest first, and its eigenvectors one after the other.
func eigen(triangle []float64, k int) (values, vectors []float64) {
	a := make([]float64, k*k)
	at := 0
	for i := range k {
		for j := i; j < k; j++ {
			a[i*k+j], a[j*k+i] = triangle[at], triangle[at]
			at++
		}
	}
	values, vectors, ok := portable.Eigen(a, k)
	if !ok { // it is not finite: there is nothing to be seen
		return make([]float64, k), make([]float64, k*k)
	}
	return values, vectors
}

// orthonormal returns an orthonormal basis of the space of k vectors of n
// numbers, Y W L^(-1/2) where Y'Y = W L W'. What is a combination of the others
// to the digits of float32 is left out. The second time mends what the first,
// in float32, leaves of a bad condition.
func orthonormal(y []float32, k, n int) ([]float32, int) {
	const alike = 1e-12 // (1e-6)^2
	for range 2 {
		values, vectors := eigen(gram(y, k, n), k)
		kept := 0
		for kept < k && values[kept] > alike*values[0] {
			kept++
		}
		w := make([]float32, kept*k)
		for i := range kept {
			scale := 1 / math.Sqrt(values[i])
			for j := range k {
				w[i*k+j] = float32(vectors[i*k+j] * scale)
			}
		}
		y, k = combine(y, w, kept, k, n), kept
	}
	return y, k
}

// left returns the first r left singular vectors, a.Rows x r.
func (sk *sketch) left(r int) []float32 {
	if sk.flip {
		return sk.outer(r)
	}
	return sk.inner(r)
}

// right returns the first r right singular vectors, a.Cols x r.
func (sk *sketch) right(r int) []float32 {
	if sk.flip {
		return sk.inner(r)
	}
	return sk.outer(r)
}

// inner returns Q W, the vectors on the side of the sketch.
func (sk *sketch) inner(r int) []float32 {
	n := sk.a.Rows
	w := make([]float32, r*sk.k)
	for i := range w {
		w[i] = float32(sk.w[i])
	}
	out := make([]float32, n*r)
	if sk.q == nil {
		vec.Transpose(out, r, w, n, r, n)
		return out
	}
	vec.Transpose(out, r, combine(sk.q, w, r, sk.k, n), n, r, n)
	return out
}

// outer returns B' W S^-1, the vectors on the other side.
func (sk *sketch) outer(r int) []float32 {
	n := sk.a.Cols
	w := make([]float32, r*sk.k)
	for i := range r {
		for j := range sk.k {
			w[i*sk.k+j] = float32(sk.w[i*sk.k+j] / sk.values[i])
		}
	}
	out := make([]float32, n*r)
	vec.Transpose(out, r, combine(sk.b, w, r, sk.k, n), n, r, n)
	return out
}
