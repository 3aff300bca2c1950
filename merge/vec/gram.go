package vec

import "unsafe"

// A Gram sums up the inner products of all pairs of rows, which are put into it a
// chunk at a time. Each product is summed as [Dot] sums it, to the bit: every
// fourth product of numbers goes into the same one of four sums. The products of
// two float32 numbers are exact in float64, so it does not matter whether they are
// rounded before they are added.
//
// It is a symmetric rank-k update: tiles of 4 x 4 rows, whose numbers stay in the
// processor's cache and are widened to float64 once, not once a pair.
type Gram struct {
	rows, blocks int
	length       int       // of what was added since Reset
	chunk        int       // elements that are put
	x            []float64 // two rows side by side, four numbers of each in turn
	rest         []float64 // by row: what is put beyond a multiple of eight
	sums         []float64 // by tile
}

const (
	// GramChunk is the most elements of each row that are put at a time. Only the last
	// chunk before the sums are asked for may have another number than a multiple of 8.
	GramChunk = 512

	tileRows   = 4
	pairStride = 2*GramChunk + 8 // a line apart, so that rows do not share places in the cache
	tileSums   = tileRows * tileRows * 4
)

// NewGram returns a Gram of so many rows, with sums of nothing.
func NewGram(rows int) *Gram {
	b := (rows + tileRows - 1) / tileRows
	return &Gram{
		rows: rows, blocks: b,
		x:    aligned(b * tileRows / 2 * pairStride),
		rest: make([]float64, 8*rows),
		sums: aligned(triangle(b) * tileSums),
	}
}

// aligned returns n numbers that begin with a line of the cache.
func aligned(n int) []float64 {
	x := make([]float64, n+7)
	off := -(uintptr(unsafe.Pointer(unsafe.SliceData(x))) / 8) % 8
	return x[off : int(off)+n : int(off)+n]
}

func triangle(n int) int { return n * (n + 1) / 2 }

// Reset forgets the sums.
func (g *Gram) Reset() {
	clear(g.sums)
	g.length = 0
}

// Put sets the next numbers of a row to x, less base if that is not nil. All rows
// must get as many before they are added.
func (g *Gram) Put(row int, x, base []float32) {
	n := len(x)
	check(base == nil || len(base) == n)
	to := g.place(row, n)
	eights := n &^ 7
	done := spreadFast(to, x[:eights], base)
	spreadGo(to, x, base, done, eights)
	g.putRest(row, x[eights:], base)
}

// PutF16 is Put for numbers that are stored as float16, two bytes each, less base.
func (g *Gram) PutF16(row int, stored []byte, base []float32) {
	n := len(base)
	check(len(stored) == 2*n)
	to := g.place(row, n)
	done := spreadF16Fast(to, stored, base)
	if done < n {
		var x [GramChunk]float32
		WidenF16(x[done:n], stored[2*done:])
		spreadGo(to, x[:n], base, done, n&^7)
		g.putRest(row, x[n&^7:n], base)
	}
}

// place returns where the next n numbers of a row go.
func (g *Gram) place(row, n int) []float64 {
	check(n <= GramChunk && row < g.rows)
	g.chunk = n
	return g.x[row/2*pairStride+row%2*4:]
}

// putRest sets the last numbers of a row, fewer than eight.
func (g *Gram) putRest(row int, x, base []float32) {
	rest := g.rest[8*row:]
	for i, v := range x {
		if base != nil {
			v -= base[len(base)-len(x)+i]
		}
		rest[i] = float64(v)
	}
}

// spreadGo sets the fours of numbers of a row from element at on, a line of the
// cache apart.
func spreadGo(to []float64, x, base []float32, at, end int) {
	for ; at < end; at += 4 {
		four, v := to[2*at:2*at+4:2*at+4], x[at:at+4:at+4]
		if base == nil {
			four[0], four[1], four[2], four[3] = float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])
			continue
		}
		b := base[at : at+4 : at+4]
		four[0], four[1], four[2], four[3] = float64(v[0]-b[0]), float64(v[1]-b[1]), float64(v[2]-b[2]), float64(v[3]-b[3])
	}
}

// Add adds the products of what was put. Needed, if it is not nil, says which tiles
// anybody will ask for: [Gram.Tile] of their rows.
func (g *Gram) Add(needed []bool) {
	fours := g.chunk / 8 * 2
	g.length += g.chunk
	if fours == 0 {
		return
	}
	for j := 0; j < g.blocks; j += 2 {
		pair := min(2, g.blocks-j)
		for k := j; k < j+pair; k++ {
			for i := range j {
				g.addTile(i, k, needed, fours)
			}
		}
		if g.addCorner(j, needed, fours) {
			continue
		}
		for k := j; k < j+pair; k++ {
			for i := j; i <= k; i++ {
				g.addTile(i, k, needed, fours)
			}
		}
	}
}

// addTile adds the products of four rows with four.
func (g *Gram) addTile(i, j int, needed []bool, fours int) {
	k := triangle(j) + i
	if needed != nil && !needed[k] {
		return
	}
	sums, x, y := g.sums[k*tileSums:][:tileSums], g.x[i*2*pairStride:], g.x[j*2*pairStride:]
	if !tileFast(sums, x, y, fours) {
		tileGo(sums, x, y, fours)
	}
}

// addCorner adds the products of the rows of blocks j and j+1 with each other where
// the processor can do so in less time than three tiles take: they are 36, not 48.
func (g *Gram) addCorner(j int, needed []bool, fours int) bool {
	if j+1 >= g.blocks {
		return false
	}
	a, b, c := triangle(j)+j, triangle(j+1)+j, triangle(j+1)+j+1
	if needed != nil && (!needed[a] || !needed[b] || !needed[c]) {
		return false
	}
	sums := func(k int) []float64 { return g.sums[k*tileSums:][:tileSums] }
	return cornerFast(sums(a), sums(b), sums(c), g.x[j*2*pairStride:], fours)
}

// Tile returns which tile has the product of rows i <= j, of [Gram.Tiles].
func (g *Gram) Tile(i, j int) int { return triangle(j/tileRows) + i/tileRows }

// Tiles returns how many tiles there are.
func (g *Gram) Tiles() int { return triangle(g.blocks) }

// tileGo adds the products of four rows of x with four of y.
func tileGo(sums, x, y []float64, fours int) {
	for i := range tileRows {
		for j := range tileRows {
			s := sums[sumOf(i, j):][:4:4]
			a, b := x[i/2*pairStride+i%2*4:], y[j/2*pairStride+j%2*4:]
			s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
			for k := range fours {
				p, q := a[8*k:8*k+4:8*k+4], b[8*k:8*k+4:8*k+4]
				s0 += float64(p[0] * q[0])
				s1 += float64(p[1] * q[1])
				s2 += float64(p[2] * q[2])
				s3 += float64(p[3] * q[3])
			}
			s[0], s[1], s[2], s[3] = s0, s1, s2, s3
		}
	}
}

// sumOf returns where a tile has the four sums of its rows i and j.
func sumOf(i, j int) int { return (i/2*tileRows+j)*8 + i%2*4 }

// Sum returns the inner product of rows i <= j of what was added since Reset.
func (g *Gram) Sum(i, j int) float64 {
	s := g.sums[g.Tile(i, j)*tileSums+sumOf(i%tileRows, j%tileRows):][:4:4]
	s0, s1 := s[0]+s[2], s[1]+s[3]
	x, y := g.rest[8*i:], g.rest[8*j:]
	n := g.length % 8
	k := 0
	for ; k+2 <= n; k += 2 {
		s0 += float64(x[k] * y[k])
		s1 += float64(x[k+1] * y[k+1])
	}
	if k < n {
		s0 += float64(x[k] * y[k])
	}
	return s0 + s1
}
