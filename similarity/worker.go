package similarity

import (
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// Elements: a piece is the unit of work, a part of it is read from each file in
// one go, and the sums of a stretch are taken at a time.
const (
	pieceLen   = 1 << 22
	partLen    = 1 << 16
	stretchLen = 1 << 12
	roundLen   = 1 << 14 // what rounding adds is summed so many elements at a time, however long parts are
)

// readMemory is how much the parts that all threads read may take; they are shorter
// where there are many models.
const readMemory = 64 << 20

// partOf returns how long a part is with so many rows and threads.
func partOf(rows, threads int) int {
	n := partLen
	for n > roundLen && n*4*rows*threads > readMemory {
		n /= 2
	}
	return n
}

// partial is what a piece of n elements adds to its tensor's products: of all rows,
// with what rounding adds to each target.
type partial struct {
	n           int
	p           []float64
	floor, half []float64
	sums        []checkpoint.Sum // of each row's bytes
}

// A worker holds the buffers of one thread. It reads a part of each row, and takes
// the products while that is in the processor's cache.
type worker struct {
	pass *pass
	gram *vec.Gram
	part int         // elements that are read at a time
	rows []workerRow // those of the task that are read, the first model's first

	pairs  []workerPair // of rows whose products are wanted
	needed []bool       // the tiles that these are in

	base, x []float32 // a chunk of the first row, and of another
	rounder Rounder
}

// A workerRow is a row of the task under way, and the part of it that was read.
type workerRow struct {
	model  int // its place in the pass
	tensor checkpoint.Tensor
	bytes  []byte
}

// A workerPair is where the product of two rows goes.
type workerPair struct{ i, j, at int }

func newWorker(p *pass, threads int) *worker {
	return &worker{
		pass: p, part: partOf(len(p.rows), threads), gram: vec.NewGram(len(p.rows)),
		base: make([]float32, vec.GramChunk), x: make([]float32, vec.GramChunk),
	}
}

// begin makes ready for a task.
func (w *worker) begin(t *task) {
	p := w.pass
	read := w.rows[:0]
	for i, is := range t.read {
		if !is {
			continue
		}
		if read = slices.Grow(read, 1)[:len(read)+1]; cap(read[len(read)-1].bytes) == 0 {
			read[len(read)-1].bytes = make([]byte, 0, 2*w.part)
		}
		r := &read[len(read)-1]
		r.model = i
		r.tensor, _ = p.rows[i].Tensor(t.key)
	}
	w.rows = read
	w.pairs, w.needed = w.pairs[:0], make([]bool, w.gram.Tiles())
	for j := range w.rows {
		for i := range j + 1 {
			a, b := w.rows[i].model, w.rows[j].model
			if p.measures(t, a, b) {
				w.pairs = append(w.pairs, workerPair{i, j, at(a, b, len(p.rows))})
				w.needed[w.gram.Tile(i, j)] = true
			}
		}
	}
}

// measure does a piece of t. Done is told of bytes that were read, and may end it.
func (w *worker) measure(t *task, c piece, done func(n int64) error) error {
	p := w.pass
	r := &t.parts[c.part]
	*r = partial{c.n, make([]float64, triangle(len(p.rows))), make([]float64, len(p.grams)), make([]float64, len(p.grams)), make([]checkpoint.Sum, len(p.rows))}
	w.begin(t)
	for at := c.at; at < c.at+c.n; at += w.part {
		n, read := min(w.part, c.at+c.n-at), int64(0)
		for i := range w.rows {
			row := &w.rows[i]
			if err := w.read(row, at, n, &r.sums[row.model]); err != nil {
				return err
			}
			read += int64(len(row.bytes))
			if target := row.model - p.models; target >= 0 && p.knownTarget(t, target) == nil {
				grid := p.grams[target].Tensors[t.place[target]].Grid
				for from := 0; from < n; from += roundLen {
					width := row.tensor.DType.Bits() / 8
					bytes := row.bytes[from*width : min(from+roundLen, n)*width]
					floor, half, err := w.rounder.Rounding(p.rows[row.model], row.tensor, bytes, at+from, grid)
					if err != nil {
						return fmt.Errorf("%s: %w", p.rows[row.model].Name, err)
					}
					r.floor[target] += floor
					r.half[target] += half
				}
			}
		}
		w.products(r.p, n)
		if err := done(read); err != nil {
			return err
		}
	}
	return nil
}

// read reads n elements of a row, and adds their bytes to sum if contents are
// summed up.
func (w *worker) read(row *workerRow, at, n int, sum *checkpoint.Sum) error {
	m, width := w.pass.rows[row.model], row.tensor.DType.Bits()/8
	row.bytes = slices.Grow(row.bytes[:0], n*width)[:n*width]
	if err := m.File.ReadBytes(row.bytes, row.tensor, int64(at)*int64(width)); err != nil {
		err = fmt.Errorf("%s: %w", m.Name, err)
		if errors.Is(err, checkpoint.ErrFormat) {
			err = &UnsoundError{[]string{m.Name}, err}
		}
		return err
	}
	if w.pass.options.Contents {
		*sum = sum.And(row.bytes)
	}
	return nil
}

// widen returns elements at to end of what was read of a row, in room for them.
func (r *workerRow) widen(room []float32, at, end int) []float32 {
	width := r.tensor.DType.Bits() / 8
	x := room[:end-at]
	r.tensor.DType.Widen(x, r.bytes[at*width:end*width])
	return x
}

// products adds to p the inner products that are wanted of the first n elements
// read, the first row taken from the other models'.
func (w *worker) products(p []float64, n int) {
	for from := 0; from < n; from += stretchLen {
		to := min(from+stretchLen, n)
		w.gram.Reset()
		for at := from; at < to; at += vec.GramChunk {
			end := min(at+vec.GramChunk, to)
			base := w.rows[0].widen(w.base, at, end)
			w.gram.Put(0, base, nil)
			for i := 1; i < len(w.rows); i++ {
				row := &w.rows[i]
				switch {
				case w.pass.rows[row.model].Difference:
					w.gram.Put(i, row.widen(w.x, at, end), nil)
				case row.tensor.DType == checkpoint.F16:
					w.gram.PutF16(i, row.bytes[2*at:2*end], base)
				default:
					w.gram.Put(i, row.widen(w.x, at, end), base)
				}
			}
			w.gram.Add(w.needed)
		}
		for _, q := range w.pairs {
			p[q.at] += w.gram.Sum(q.i, q.j)
		}
	}
}
