package similarity

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
)

// A Triangle is the inner products of some rows, of each with itself and the rows
// after it. They are kept packed, as in files (see packTriangle), since with hundreds
// of models they are nearly all the memory that a study takes; nothing is lost. It
// never changes, so that several [Products] may have the same.
type Triangle struct {
	rows   int
	packed []byte
}

// NewTriangle packs the products of so many rows: the upper triangle of their
// matrix, row by row.
func NewTriangle(p []float64, rows int) Triangle {
	t, _ := packed(p, rows, nil)
	return t
}

// packed is NewTriangle, with room to work in, which it returns.
func packed(p []float64, rows int, room []byte) (Triangle, []byte) {
	room = packTriangle(room[:0], p, rows)
	return Triangle{rows, append(make([]byte, 0, len(room)), room...)}, room
}

// Unpack returns the products as [NewTriangle] takes them, in room if that is large
// enough.
func (t Triangle) Unpack(room []float64) []float64 {
	p := slices.Grow(room[:0], triangle(t.rows))[:triangle(t.rows)]
	b, at := t.packed, 0
	for i := range t.rows {
		n := t.rows - i
		b = unpackRow(p[at:at+n], b)
		at += n
	}
	return p
}

// Rows yields each row's number and its products with itself and the rows after it,
// in the room of one row, which the next has, too.
func (t Triangle) Rows() iter.Seq2[int, []float64] {
	return t.some(func(int) bool { return true })
}

// some is Rows for those that are wanted.
func (t Triangle) some(wanted func(i int) bool) iter.Seq2[int, []float64] {
	return func(yield func(int, []float64) bool) {
		room, b := make([]float64, t.rows), t.packed
		for i := range t.rows {
			n := t.rows - i
			if !wanted(i) {
				b = b[sizeOfRow(b, n):]
				continue
			}
			b = unpackRow(room[:n], b)
			if !yield(i, room[:n]) {
				return
			}
		}
	}
}

// Own returns the product of each row with itself.
func (t Triangle) Own() []float64 {
	own, b := make([]float64, t.rows), t.packed
	for i := range own {
		own[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
		b = b[sizeOfRow(b, t.rows-i):]
	}
	return own
}

// finite reports whether all products are numbers.
func (t Triangle) finite() bool {
	for _, row := range t.Rows() {
		if slices.ContainsFunc(row, func(v float64) bool { return v-v != 0 }) {
			return false
		}
	}
	return true
}
