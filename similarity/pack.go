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

// unpackTriangle reads what packTriangle appended.
func unpackTriangle(b []byte, rows int) ([]float64, error) {
	short := errors.New("it has too few products")
	// A number takes a bit and more: nothing is made room for that is not there.
	if len(b) < triangle(rows)/8 {
		return nil, short
	}
	p := make([]float64, 0, triangle(rows))
	for i := range rows {
		if len(b) < 11 {
			return nil, short
		}
		n := rows - i - 1
		width, power := int(b[8]), int(int16(binary.LittleEndian.Uint16(b[9:])))
		if width == 0 || width > raw {
			return nil, fmt.Errorf("row %d has integers of %d bits", i, width)
		}
		p = append(p, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		b = b[11:]
		size := (n*width + 7) / 8
		if len(b) < size {
			return nil, short
		}
		r := bitReader{from: b[:size]}
		for range n {
			u := r.read(width)
			if width == raw {
				p = append(p, math.Float64frombits(u))
				continue
			}
			v := int64(u<<(64-width)) >> (64 - width)
			p = append(p, math.Ldexp(float64(v), power))
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return nil, errors.New("it has too many products")
	}
	return p, nil
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
