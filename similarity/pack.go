package similarity

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Products of numbers of 16 bits are whole multiples of some power of 2, and none of a
// row is much larger than the others, but for the first, the product of the row with
// itself. So a row is kept as that and as integers of as many bits as the largest
// takes: half of what the numbers take as float64, and nothing is lost.

// raw is the width of a row whose numbers are kept as they are.
const raw = 64

// packTriangle appends the rows of a triangle. Of each: the first number; the width in
// bits of an integer, of one byte; the power of 2 that they are multiples of, of two
// bytes; and the integers, in two's complement, from the lowest bit of the first byte
// on. With a width of 64 they are the bits of float64 instead.
func packTriangle(to []byte, p []float64, rows int) []byte {
	for i := range rows {
		row := p[:rows-i]
		p = p[rows-i:]
		width, power := layoutOf(row[1:])
		to = binary.LittleEndian.AppendUint64(to, math.Float64bits(row[0]))
		to = append(to, byte(width))
		to = binary.LittleEndian.AppendUint16(to, uint16(int16(power)))
		w := bitWriter{to: to}
		for _, v := range row[1:] {
			u := math.Float64bits(v)
			if width != raw {
				u = uint64(int64(math.Ldexp(v, -power))) & (1<<width - 1)
			}
			w.write(u, width)
		}
		to = w.end()
	}
	return to
}

// layoutOf returns the width and the power for the numbers of a row.
func layoutOf(row []float64) (width, power int) {
	low, high := math.MaxInt16, math.MinInt16 // of the bits set in any
	for _, v := range row {
		u := math.Float64bits(v)
		if v == 0 && u == 0 {
			continue
		}
		if v == 0 || v-v != 0 { // -0, infinite, NaN
			return raw, 0
		}
		m, e := u&(1<<52-1), int(u>>52&2047)
		if e == 0 {
			e = 1
		} else {
			m |= 1 << 52
		}
		low = min(low, e-1075+bits.TrailingZeros64(m))
		high = max(high, e-1075+bits.Len64(m))
	}
	switch {
	case high < low:
		return 1, 0
	case high-low+1 >= raw:
		return raw, 0
	}
	return high - low + 1, low
}

// rowHead is how many bytes a row has before its integers.
const rowHead = 11

// sizeOfRow returns how many bytes the row of n products takes that b begins with.
func sizeOfRow(b []byte, n int) int { return rowHead + ((n-1)*int(b[8])+7)/8 }

// readTriangle takes over what packTriangle appended, if it is whole.
func readTriangle(b []byte, rows int) (Triangle, error) {
	short := errors.New("it has too few products")
	// A number takes a bit and more: nothing is taken for that is not there.
	if len(b) < triangle(rows)/8 {
		return Triangle{}, short
	}
	all := b
	for i := range rows {
		if len(b) < rowHead {
			return Triangle{}, short
		}
		if width := b[8]; width == 0 || width > raw {
			return Triangle{}, fmt.Errorf("row %d has integers of %d bits", i, width)
		}
		size := sizeOfRow(b, rows-i)
		if len(b) < size {
			return Triangle{}, short
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return Triangle{}, errors.New("it has too many products")
	}
	return Triangle{rows, append(make([]byte, 0, len(all)), all...)}, nil
}

// unpackRow sets row to the one that b begins with, and returns the rest of b.
func unpackRow(row []float64, b []byte) []byte {
	size := sizeOfRow(b, len(row))
	width, power := int(b[8]), int(int16(binary.LittleEndian.Uint16(b[9:])))
	row[0] = math.Float64frombits(binary.LittleEndian.Uint64(b))
	row = row[1:]
	r := bitReader{from: b[rowHead:size]}
	up := 64 - width
	switch {
	case width == raw:
		for k := range row {
			row[k] = math.Float64frombits(r.read(raw))
		}
	case power < -1022 || power > 1023: // of which float64 has no multiplier
		for k := range row {
			row[k] = math.Ldexp(float64(int64(r.read(width)<<up)>>up), power)
		}
	default:
		unit := math.Ldexp(1, power)
		k := 0
		for ; width <= 57 && r.at>>3+8 <= len(r.from) && k < len(row); k++ { // eight bytes have all of it
			u := binary.LittleEndian.Uint64(r.from[r.at>>3:]) >> (r.at & 7)
			row[k] = float64(int64(u<<up)>>up) * unit
			r.at += width
		}
		for ; k < len(row); k++ {
			row[k] = float64(int64(r.read(width)<<up)>>up) * unit
		}
	}
	return b[size:]
}

// A bitWriter appends integers of any width, the lowest bits first.
type bitWriter struct {
	to   []byte
	now  uint64
	have int // bits of now
}

func (w *bitWriter) write(u uint64, width int) {
	w.now |= u << w.have
	if w.have+width < 64 {
		w.have += width
		return
	}
	w.to = binary.LittleEndian.AppendUint64(w.to, w.now)
	w.now = u >> (64 - w.have) // 0 where nothing is left
	w.have += width - 64
}

// end returns all that was written, up to a whole byte.
func (w *bitWriter) end() []byte {
	for ; w.have > 0; w.have -= 8 {
		w.to = append(w.to, byte(w.now))
		w.now >>= 8
	}
	return w.to
}

// A bitReader reads what a bitWriter appended.
type bitReader struct {
	from []byte
	at   int // in bits
}

func (r *bitReader) read(width int) uint64 {
	b := r.from[r.at>>3:]
	shift := r.at & 7
	r.at += width
	if len(b) >= 9 {
		u := binary.LittleEndian.Uint64(b)>>shift | uint64(b[8])<<(64-shift)
		return u & (^uint64(0) >> (64 - width))
	}
	var u, high uint64
	for i, v := range b {
		if i == 8 {
			high = uint64(v)
			break
		}
		u |= uint64(v) << (8 * i)
	}
	return (u>>shift | high<<(64-shift)) & (^uint64(0) >> (64 - width))
}
