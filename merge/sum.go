package merge

import (
	"math"

	"mixmatch/merge/vec"
)

// Elements of a sum that are read at a time, and of those what is added up at a time:
// the former stay in the second-level cache, the latter in the first.
const (
	part    = 1 << 14
	stretch = 1 << 10
)

// A memory is what one thread makes pieces in.
type memory struct {
	stored [][]byte  // part elements of each term
	x      []float32 // a stretch
	sum    []float64
}

// read reads elements at to at+n of each term.
func (m *memory) read(p *Pool, terms []Term, at, n int) error {
	for len(m.stored) < len(terms) {
		m.stored = append(m.stored, nil)
	}
	for i, t := range terms {
		width := t.Tensor.DType.Bits() / 8
		m.stored[i] = room(m.stored[i], n*width)
		if err := p.Models[t.Model].ReadBytes(m.stored[i], t.Tensor, int64(at)*int64(width)); err != nil {
			return err
		}
	}
	return nil
}

// sumUp makes elements at to at+n of a sum, and adds them to p.
func (m *memory) sumUp(pool *Pool, out *Output, at, n int, p *piece) error {
	if m.x == nil {
		m.x, m.sum = make([]float32, stretch), make([]float64, stretch)
	}
	for end := at + n; at < end; at += part {
		n := min(part, end-at)
		if err := m.read(pool, out.Sum, at, n); err != nil {
			return err
		}
		for done := 0; done < n; done += stretch {
			x, sum := m.x[:min(stretch, n-done)], m.sum[:min(stretch, n-done)]
			clear(sum)
			for i, t := range out.Sum {
				width := t.Tensor.DType.Bits() / 8
				t.Tensor.DType.Widen(x, m.stored[i][done*width:(done+len(x))*width])
				p.odd.Add(t.Model, vec.Finite(x))
				vec.Axpy64(sum, t.Weight, x)
			}
			vec.Single(x, sum)
			p.inf += p.store(out.Tensor.DType, x, func() int { return tooLarge(sum) })
		}
	}
	return nil
}

// tooLarge counts sums that are finite, but not as float32.
func tooLarge(sum []float64) (n int) {
	for _, y := range sum {
		if math.Abs(y) > math.MaxFloat32 && !math.IsInf(y, 0) && math.IsInf(float64(float32(y)), 0) {
			n++
		}
	}
	return n
}

// room returns b with n bytes, in new memory if it is too small.
func room(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
