package merge

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// Elements merged at a time. A chunk costs up to 24 bytes an element, and there
// are a few more under way than there are threads.
const chunk = 1 << 18

// A piece is a part of a tensor as it is stored.
type piece struct {
	out   *Output
	bytes []byte
	odd   Odd // among the models' values that it is made of
	inf   int // values that became infinite or no number
	err   error
}

// pieces makes the tensors, a chunk at a time and several at once, and hands
// them to use in order. When it returns nothing is under way any more.
func (o *Outputs) pieces(ctx context.Context, tensors []checkpoint.Tensor, byName map[string]*Output, use func(piece) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var underWay sync.WaitGroup
	defer underWay.Wait()
	defer cancel()
	queue := make(chan chan piece, runtime.GOMAXPROCS(0)) // in the order of the file
	underWay.Go(func() {
		defer close(queue)
		for _, t := range tensors {
			out := byName[t.Name]
			size := chunk
			if out.Whole {
				size = t.Len()
			}
			for at := 0; at < t.Len(); at += size {
				made := make(chan piece, 1)
				select {
				case queue <- made:
				case <-ctx.Done():
					return
				}
				underWay.Go(func() { made <- o.piece(ctx, out, at, min(size, t.Len()-at)) })
			}
		}
	})
	for made := range queue {
		p := <-made
		if p.err != nil {
			return p.err
		}
		if err := use(p); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// piece makes elements at to at+n of a tensor.
func (o *Outputs) piece(ctx context.Context, out *Output, at, n int) (p piece) {
	p.out = out
	if p.err = ctx.Err(); p.err != nil {
		return p
	}
	if out.Make != nil {
		v, err := out.Make(ctx, at, n)
		if err != nil {
			return piece{err: err}
		}
		p.bytes, p.inf, p.err = narrow(out.Tensor.DType, v.X)
		p.odd, p.inf = v.Odd, p.inf+v.Inf
		return p
	}
	m := o.Pool.Models[out.From]
	t, _ := m.Tensor(out.Tensor.Name)
	if t.DType == out.Tensor.DType {
		width := int64(t.DType.Bits())
		first, last := int64(at)*width/8, int64(at+n)*width/8
		p.bytes = make([]byte, last-first)
		if p.err = m.ReadBytes(p.bytes, t, first); p.err == nil {
			p.odd.Add(out.From, t.DType.NonFinite(p.bytes))
		}
		return p
	}
	x := make([]float32, n)
	if p.err = m.Read(x, nil, t, at); p.err == nil {
		p.odd.Add(out.From, vec.Finite(x))
		p.bytes, p.inf, p.err = narrow(out.Tensor.DType, x)
	}
	return p
}

// narrow stores x as dtype, and counts what became infinite on the way.
func narrow(dtype checkpoint.DType, x []float32) ([]byte, int, error) {
	if !dtype.Float() {
		return nil, 0, fmt.Errorf("%w: cannot write numbers as %s", ErrMismatch, dtype)
	}
	before := vec.Finite(x)
	b := make([]byte, len(x)*dtype.Bits()/8)
	dtype.Narrow(b, x)
	dtype.Round(x)
	return b, vec.Finite(x) - before, nil
}
