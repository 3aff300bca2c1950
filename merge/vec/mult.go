package vec

// An Order says how the sums of a product are taken: in float32, from the first
// product to the last, in one of two ways. Both depend on the length of the sum
// alone.
type Order int

const (
	// Fused rounds once a product: its multiplication and addition are one. At
	// most 192 products make a partial sum, and these are added one after the
	// other (or two halves, if two of 192 would be more than enough). That is, to
	// the bit, what MKL computes on processors with AVX2, and so PyTorch as people
	// install it: found by comparing with torch 2.15 for sums of 320, 640 and 1280.
	Fused Order = iota

	// InOrder rounds twice a product, after the multiplication and after the
	// addition to a single sum: what a BLAS without tricks computes.
	InOrder
)

// block returns how many of k products make a partial sum.
func (o Order) block(k int) int {
	const most = 192
	switch {
	case o == InOrder || k <= most:
		return k
	case k < 2*most:
		return (k + 1) / 2
	}
	return most
}

// A kernel computes a tile of a product: a few rows of it, of a few columns.
type kernel struct {
	rows, cols int

	// run sets the tile at c, of rows cStride elements apart, to the products of k
	// elements of the rows at a, aStride elements apart, with a panel: element 0
	// of each of its columns, then element 1. If add is not 0 they are added to
	// the tile instead. What will be needed next lies ahead elements after the
	// panel's first: a kernel may fetch it into the cache.
	run func(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)
}

// A Packed is a matrix b of n rows and k columns, laid out as products with it
// read it. Making one takes time proportional to its size, so that one that is
// used again need be made once.
type Packed struct {
	order  Order
	n, k   int
	kernel *kernel   // nil: plain loops
	data   []float32 // the panels; or b itself
}

// NewPacked returns room for an n x k matrix.
func NewPacked(o Order, n, k int) *Packed {
	check(n >= 0 && k >= 0)
	p := &Packed{order: o, n: n, k: k}
	for _, q := range kernels(o) {
		if n >= q.cols {
			p.kernel = &q
			break
		}
	}
	p.data = make([]float32, p.Panels()*p.width()*k)
	return p
}

// Panels returns how many parts p is filled in, which do not depend on each
// other.
func (p *Packed) Panels() int {
	if p.n*p.k == 0 {
		return 0
	}
	return (p.n + p.width() - 1) / p.width()
}

func (p *Packed) width() int {
	if p.kernel == nil {
		return p.n
	}
	return p.kernel.cols
}

// Rows returns which rows of b panel j holds: from, up to but not including to.
// The last panel begins early: it is full, and some of it is there twice.
func (p *Packed) Rows(j int) (from, to int) {
	from = min(j*p.width(), p.n-p.width())
	return from, from + p.width()
}

// Fill sets panels from up to, not including, to from b.
func (p *Packed) Fill(b []float32, from, to int) {
	check(len(b) == p.n*p.k)
	for j := from; j < to; j++ {
		top, end := p.Rows(j)
		p.FillPanel(j, b[top*p.k:end*p.k])
	}
}

// FillPanel sets panel j from its rows of b.
func (p *Packed) FillPanel(j int, rows []float32) {
	cols, k := p.width(), p.k
	check(len(rows) == cols*k)
	panel := p.data[j*cols*k : (j+1)*cols*k]
	if p.kernel == nil {
		copy(panel, rows)
		return
	}
	for s := 0; s < cols; s += 8 {
		transpose8(panel[s:], cols, rows[s*k:], k)
	}
}

// transpose8 sets eight columns of dst to eight rows of n numbers in src.
func transpose8(dst []float32, stride int, src []float32, n int) {
	done := transposeFast(dst, stride, src, n, n)
	for s := range 8 {
		for i := done; i < n; i++ {
			dst[i*stride+s] = src[s*n+i]
		}
	}
}

// MulT sets c to a times the transpose of p: c_ij is the inner product of row i
// of a and row j of p. There are m rows of a, and c is m x n.
func (p *Packed) MulT(c, a []float32, m int) {
	n, k := p.n, p.k
	check(m >= 0 && len(a) == m*k && len(c) == m*n)
	switch {
	case len(c) == 0:
	case k == 0:
		clear(c)
	case p.kernel == nil:
		generic(p.order, c, a, p.data, m, n, k)
	default:
		p.tiles(c, a, m)
	}
}

// tiles covers c with tiles.
func (p *Packed) tiles(c, a []float32, m int) {
	n, k, rows, cols := p.n, p.k, p.kernel.rows, p.kernel.cols
	whole := m / rows * rows
	var rest, room []float32
	if whole < m { // the last rows fill no tile
		rest, room = make([]float32, rows*k), make([]float32, rows*cols)
		copy(rest, a[whole*k:])
	}

	// So many rows of a as stay in the second-level cache while panels pass, and so
	// much of a panel as stays in the first-level cache while they pass it.
	const cache = 1 << 18
	some, block := max(1, cache/k/rows)*rows, p.order.block(k)
	for top := 0; top < m; top += some {
		for j := range p.Panels() {
			col, _ := p.Rows(j)
			for l := 0; l < k; l += block {
				size := min(block, k-l)
				panel := &p.data[(j*k+l)*cols]
				next := size * cols
				for i := top; i < min(top+some, whole); i += rows {
					p.kernel.run(&c[i*n+col], n, &a[i*k+l], k, size, panel, l, next)
					next += size * 4
				}
				if top+some >= m && whole < m {
					p.kernel.run(&room[0], cols, &rest[l], k, size, panel, l, next)
				}
			}
			if top+some >= m {
				for i := whole; i < m; i++ {
					copy(c[i*n+col:i*n+col+cols], room[(i-whole)*cols:])
				}
			}
		}
	}
}
