package similarity

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge"
	"mixmatch/merge/block"
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

// A piece is a run of elements of one tensor. The products of a tensor are
// summed over its pieces in order, so they do not depend on the number of
// threads.
type piece struct {
	tensor int
	at, n  int
}

// Measure reads every floating-point tensor of the UNet, the text encoder and
// the VAE that the target and the pool's models share, once, and returns their
// inner products. The pool's first model is the row that the others are
// measured from. Memory is a few megabytes a thread.
//
// The error wraps [ErrNonFinite] if a tensor holds NaN or infinity,
// [checkpoint.ErrChanged] if a file changed meanwhile.
func Measure(ctx context.Context, pool *merge.Pool, target *merge.Model, threads int, progress func(done, total int64)) (*Gram, error) {
	models := append(append([]*merge.Model{}, pool.Models...), target)
	g, total, err := plan(pool, target)
	if err != nil {
		return nil, err
	}
	if len(g.Tensors) == 0 {
		return nil, fmt.Errorf("%w: %s shares no tensors with the sources", merge.ErrMismatch, target.Name)
	}
	if err := g.findGrids(target); err != nil {
		return nil, err
	}
	var pieces []piece
	for i, t := range g.Tensors {
		for at := 0; at < t.Len; at += pieceLen {
			pieces = append(pieces, piece{i, at, min(pieceLen, t.Len-at)})
		}
	}
	results := make([]partial, len(pieces))
	var next atomic.Int64
	var tell sync.Mutex
	var done int64 // under tell
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	group, ctx := errgroup.WithContext(ctx)
	for range threads {
		group.Go(func() error {
			w := newWorker(models)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(pieces) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				n, err := w.measure(&results[i], models, &g.Tensors[pieces[i].tensor], pieces[i])
				if err != nil {
					return err
				}
				tell.Lock()
				done += n
				if progress != nil {
					progress(done, total)
				}
				tell.Unlock()
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, r := range results {
		t := &g.Tensors[pieces[i].tensor]
		for k, v := range r.p {
			t.P[k] += v
		}
		t.Floor += r.floor
		t.Half += r.half
	}
	for _, m := range models {
		if err := m.File.Changed(); err != nil {
			return nil, err
		}
	}
	return g, g.finite(models)
}

// plan lists the tensors to measure, with their products still zero, and the
// number of bytes to read.
//
// A UNet in numbers that are not computed with is refused: to leave it out would
// be to say that it is like the first model.
func plan(pool *merge.Pool, target *merge.Model) (*Gram, int64, error) {
	g := &Gram{Arch: pool.Kind.Arch, Names: pool.Names(), Differences: pool.Differences()}
	var total int64
	for _, m := range append(slices.Clone(pool.Models), target) {
		for _, t := range m.File.Tensors() {
			if !t.DType.Float() && block.PartOf(t.Name) == block.UNet {
				return nil, 0, fmt.Errorf("%w: %s: tensor %q is stored as %s, which cannot be compared: convert it to fp16 first", merge.ErrMismatch, m.Name, t.Name, t.DType)
			}
		}
	}
	for _, key := range pool.Keys() {
		switch block.PartOf(key) {
		case block.UNet, block.TextEncoder, block.VAE:
		default:
			continue
		}
		t, ok := target.Tensor(key)
		if !ok || !t.DType.Float() || t.Len() == 0 {
			continue
		}
		p := Products{Key: key, Len: t.Len(), P: make([]float64, triangle(len(g.Names)+1))}
		bytes := t.Bytes()
		for i, m := range pool.Models {
			u, ok := m.Tensor(key)
			if !ok && m.Difference {
				continue
			}
			if !ok || !u.DType.Float() {
				p.Absent = append(p.Absent, i)
				continue
			}
			bytes += u.Bytes()
		}
		if len(p.Absent) > 0 && p.Absent[0] == 0 {
			// Without the first model there is nothing to measure from. Only parts
			// that a file may lack come here.
			continue
		}
		total += bytes
		g.Tensors = append(g.Tensors, p)
	}
	return g, total, nil
}

// partial is what a piece adds to its tensor's products.
type partial struct {
	p           []float64
	floor, half float64
}

// A worker holds the buffers of one thread.
type worker struct {
	bytes   []byte
	full    [][]float32 // a part of each row
	stretch [][]float32 // the stretch of each row under way
	apart   []bool      // rows that the first is taken from: all but itself and differences
}

func newWorker(models []*merge.Model) *worker {
	w := &worker{bytes: make([]byte, 8*partLen), stretch: make([][]float32, len(models))}
	for i, m := range models {
		w.apart = append(w.apart, i > 0 && !m.Difference)
		w.full = append(w.full, make([]float32, partLen))
	}
	return w
}

// measure sets r to the products of a piece and returns the bytes it read.
func (w *worker) measure(r *partial, models []*merge.Model, t *Products, c piece) (int64, error) {
	r.p = make([]float64, len(t.P))
	var read int64
	for at := c.at; at < c.at+c.n; at += partLen {
		n := min(partLen, c.at+c.n-at)
		absent := t.Absent
		for i, m := range models {
			x := w.full[i][:n]
			if len(absent) > 0 && absent[0] == i {
				absent = absent[1:]
				copy(x, w.full[0][:n]) // so that its difference is zero
				continue
			}
			u, ok := m.Tensor(t.Key)
			if !ok { // a difference that changes nothing there
				clear(x)
				continue
			}
			if err := m.File.Read(x, w.bytes, u, at); err != nil {
				return 0, fmt.Errorf("%s: %w", m.Name, err)
			}
			read += int64(n) * int64(u.DType.Bits()) / 8
			if i == len(models)-1 {
				floor, half, err := w.rounding(m.File, u, at, x, t.Grid)
				if err != nil {
					return 0, fmt.Errorf("%s: %w", m.Name, err)
				}
				r.floor += floor
				r.half += half
			}
		}
		w.products(r.p, n)
	}
	return read, nil
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
	if stored = t.DType.Rounding(b); t.DType == checkpoint.F16 {
		return stored, stored, nil
	}
	b = w.bytes[:2*len(x)]
	vec.NarrowF16(b, x)
	return stored, vec.SumUlp2F16(b) / 12, nil
}

// products adds to p the inner products of the rows of the first n elements
// read, the first row taken from the other models'.
func (w *worker) products(p []float64, n int) {
	for at := 0; at < n; at += stretchLen {
		end := min(at+stretchLen, n)
		for i := range w.full {
			w.stretch[i] = w.full[i][at:end]
			if w.apart[i] {
				vec.Sub(w.stretch[i], w.stretch[0])
			}
		}
		vec.Products(p, w.stretch)
	}
}
