package similarity

import (
	"errors"
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// Elements: a piece is the unit of work, a part of it is read from each file in
// one go, and of that a stretch is taken at a time, so that all models' rows of
// it stay in the cache.
const (
	pieceLen   = 1 << 22
	partLen    = 1 << 17
	stretchLen = 1 << 12
)

// partial is what a piece of n elements adds to its tensor's products: of all rows,
// with what rounding adds to each target.
type partial struct {
	n           int
	p           []float64
	floor, half []float64
	sums        []checkpoint.Sum // of each row's bytes
}

// A worker holds the buffers of one thread.
type worker struct {
	pass  *pass
	bytes []byte
	full  [][]float32 // a part of each row
	now   [][]float32 // the stretch of each row under way
}

func newWorker(p *pass) *worker {
	return &worker{p, make([]byte, 8*partLen), make([][]float32, len(p.rows)), make([][]float32, len(p.rows))}
}

// measure does a piece of t and returns the bytes it read.
func (w *worker) measure(t *task, c piece) (int64, error) {
	p, read := w.pass, int64(0)
	r := &t.parts[c.part]
	*r = partial{c.n, make([]float64, triangle(len(p.rows))), make([]float64, len(p.grams)), make([]float64, len(p.grams)), make([]checkpoint.Sum, len(p.rows))}
	for at := c.at; at < c.at+c.n; at += partLen {
		n := min(partLen, c.at+c.n-at)
		for i, m := range p.rows {
			if !t.read[i] {
				continue
			}
			if w.full[i] == nil {
				w.full[i] = make([]float32, partLen)
			}
			x := w.full[i][:n]
			u, _ := m.Tensor(t.key)
			if err := w.read(x, m.File, u, at, &r.sums[i]); err != nil {
				err = fmt.Errorf("%s: %w", m.Name, err)
				if errors.Is(err, checkpoint.ErrFormat) {
					err = &UnsoundError{[]string{m.Name}, err}
				}
				return 0, err
			}
			read += int64(n) * int64(u.DType.Bits()) / 8
			if target := i - p.models; target >= 0 && p.knownTarget(t, target) == nil {
				floor, half, err := w.rounding(m.File, u, at, x, p.grams[target].Tensors[t.place[target]].Grid)
				if err != nil {
					return 0, fmt.Errorf("%s: %w", m.Name, err)
				}
				r.floor[target] += floor
				r.half[target] += half
			}
		}
		w.products(t, r.p, n)
	}
	return read, nil
}

// read reads numbers, and adds the bytes to sum if contents are summed up.
func (w *worker) read(dst []float32, f *checkpoint.File, t checkpoint.Tensor, at int, sum *checkpoint.Sum) error {
	if w.pass.options.Contents {
		return f.ReadSummed(dst, w.bytes, t, at, sum)
	}
	return f.Read(dst, w.bytes, t, at)
}

// rounding returns what storing the numbers x of tensor t once, from element at
// on, adds to a squared distance: as they are stored or, if one is named, on a grid
// that is coarser, and as float16.
func (w *worker) rounding(f *checkpoint.File, t checkpoint.Tensor, at int, x []float32, grid string) (stored, half float64, err error) {
	if g, ok := vec.GridOf(grid); ok {
		b := w.bytes[:2*len(x)]
		vec.NarrowF16(b, x)
		return g.SumUlp2(x) / 12, vec.SumUlp2F16(b) / 12, nil
	}
	width := t.DType.Bits() / 8
	b := w.bytes[:len(x)*width]
	if err := f.ReadBytes(b, t, int64(at)*int64(width)); err != nil {
		return 0, 0, err
	}
	if stored, err = f.Rounding(b, t, at); err != nil || t.DType == checkpoint.F16 {
		return stored, stored, err
	}
	b = w.bytes[:2*len(x)]
	vec.NarrowF16(b, x)
	return stored, vec.SumUlp2F16(b) / 12, nil
}

// products adds to p the inner products that are to be measured of the first n
// elements read, the first row taken from the other models'.
func (w *worker) products(t *task, p []float64, n int) {
	for from := 0; from < n; from += stretchLen {
		to := min(from+stretchLen, n)
		for i := range w.full {
			if !t.read[i] {
				continue
			}
			w.now[i] = w.full[i][from:to]
			if i > 0 && !w.pass.rows[i].Difference {
				vec.Sub(w.now[i], w.now[0])
			}
		}
		for j := range w.now {
			for i := range j + 1 {
				if w.pass.measures(t, i, j) {
					p[at(i, j, len(w.now))] += vec.Dot(w.now[i], w.now[j])
				}
			}
		}
	}
}
