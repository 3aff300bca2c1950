package lowrank

import "mixmatch/merge/vec"

// Sets of vectors are kept one after the other, each of them contiguous: the
// columns of a tall matrix as the rows of a wide one.

// columns returns A Z for k vectors Z of a.Cols numbers: k vectors of a.Rows.
func (a Matrix) columns(z []float32, k int) []float32 {
	p, wide := pack(z, k, a.Cols)
	out := make([]float32, k*a.Rows)
	step := rowsAtATime(a.Cols)
	c := make([]float32, step*wide)
	for at := 0; at < a.Rows; at += step {
		n := min(step, a.Rows-at)
		p.MulT(c[:n*wide], a.Data[at*a.Cols:(at+n)*a.Cols], n)
		vec.Transpose(out[at:], a.Rows, c, wide, n, k)
	}
	return out
}

// rows returns A' Q for k vectors Q of a.Rows numbers: k vectors of a.Cols.
func (a Matrix) rows(q []float32, k int) []float32 {
	p, wide := pack(q, k, a.Rows)
	out := make([]float32, k*a.Cols)
	step := rowsAtATime(a.Rows)
	t := make([]float32, step*a.Rows)
	c := make([]float32, step*wide)
	for at := 0; at < a.Cols; at += step {
		n := min(step, a.Cols-at)
		vec.Transpose(t, a.Rows, a.Data[at:], a.Cols, a.Rows, n)
		p.MulT(c[:n*wide], t[:n*a.Rows], n)
		vec.Transpose(out[at:], a.Cols, c, wide, n, k)
	}
	return out
}

// rowsAtATime returns how many rows of n numbers are worked on at a time: 1 MB
// of them, in multiples of what the tiles of products hold.
func rowsAtATime(n int) int { return max(48, (1<<18)/max(n, 1)/48*48) }

// pack prepares k vectors of n numbers for products with them, and returns how
// many they are with the zeros that the fast product needs in addition.
func pack(vectors []float32, k, n int) (*vec.Packed, int) {
	wide := max(k, 16)
	if wide > k {
		vectors = append(vectors[:k*n:k*n], make([]float32, (wide-k)*n)...)
	}
	p := vec.NewPacked(vec.Fused, wide, n)
	p.Fill(vectors, 0, p.Panels())
	return p, wide
}

// combine returns k new vectors of n numbers: new vector i is the sum over j of
// w_ij times vector j, w being k x old.
func combine(vectors, w []float32, k, old, n int) []float32 {
	out := make([]float32, k*n)
	p, wide := pack(w, k, old)
	step := rowsAtATime(old)
	t, c := make([]float32, step*old), make([]float32, step*wide)
	for at := 0; at < n; at += step {
		m := min(step, n-at)
		vec.Transpose(t, old, vectors[at:], n, old, m)
		p.MulT(c[:m*wide], t[:m*old], m)
		vec.Transpose(out[at:], n, c, wide, m, k)
	}
	return out
}

// gram returns the products of k vectors of n numbers with each other, each
// product exact and summed in float64: the upper triangle, row by row.
func gram(vectors []float32, k, n int) []float64 {
	rows := make([][]float32, k)
	g := make([]float64, k*(k+1)/2)
	const stretch = 1 << 11 // so that all rows of it stay in the cache
	for at := 0; at < n; at += stretch {
		for i := range rows {
			rows[i] = vectors[i*n+at : i*n+min(at+stretch, n)]
		}
		vec.Products(g, rows)
	}
	return g
}

// square returns |x|^2.
func square(x []float32) float64 {
	if len(x) == 0 {
		return 0
	}
	return vec.Dot(x, x)
}
