package merge

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// Elements merged at a time. There are a few more of these under way than there are
// threads, and a thread holds some hundred kilobytes beside.
const chunk = 1 << 18

// A piece is a part of a tensor as it is stored.
type piece struct {
	out   *Output
	bytes []byte
	odd   Odd // among the models' values that it is made of
	inf   int // values that became infinite or no number
	err   error

	filled int // bytes, while it is made
}

// A maker makes pieces, in memory that is used again.
type maker struct {
	*Outputs
	memories, buffers sync.Pool // of *memory and *[]byte
}

// pieces makes the tensors, a chunk at a time and several at once, and hands
// them to use in order. The bytes are use's until it returns. When pieces returns
// nothing is under way any more.
func (o *Outputs) pieces(ctx context.Context, tensors []checkpoint.Tensor, byName map[string]*Output, use func(piece) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var underWay sync.WaitGroup
	defer underWay.Wait()
	defer cancel()
	m := &maker{Outputs: o}
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
				underWay.Go(func() { made <- m.piece(ctx, out, at, min(size, t.Len()-at)) })
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
		m.buffers.Put(&p.bytes)
	}
	return ctx.Err()
}

// piece makes elements at to at+n of a tensor.
func (m *maker) piece(ctx context.Context, out *Output, at, n int) (p piece) {
	p.out = out
	if p.err = ctx.Err(); p.err != nil {
		return p
	}
	dtype := out.Tensor.DType
	width := int64(dtype.Bits())
	first, last := int64(at)*width/8, int64(at+n)*width/8
	if b, ok := m.buffers.Get().(*[]byte); ok {
		p.bytes = *b
	}
	p.bytes = room(p.bytes, int(last-first))
	source, t := m.Pool.Models[out.From], checkpoint.Tensor{}
	if !out.merged() {
		t, _ = source.Tensor(out.Tensor.Name)
	}
	mem, ok := m.memories.Get().(*memory)
	if !ok {
		mem = &memory{}
	}
	defer m.memories.Put(mem)
	switch {
	case !out.merged() && t.DType == dtype:
		if p.err = source.ReadBytes(p.bytes, t, first); p.err == nil {
			p.odd.Add(out.From, dtype.NonFinite(p.bytes))
		}
	case !dtype.Float():
		p.err = fmt.Errorf("%w: cannot write numbers as %s", ErrMismatch, dtype)
	case out.Sum != nil:
		p.err = mem.sumUp(m.Pool, out, at, n, &p)
	case out.Make != nil:
		p.err = out.Make(ctx, at, n, func(v Values) error {
			for model, n := range v.Odd {
				p.odd.Add(model, n)
			}
			p.inf += v.Inf + p.store(dtype, v.X, nil)
			return nil
		})
	default:
		x := make([]float32, n)
		if p.err = source.Read(x, nil, t, at); p.err == nil {
			p.odd.Add(out.From, vec.Finite(x))
			p.inf += p.store(dtype, x, nil)
		}
	}
	return p
}

// store adds x to p as dtype, and returns how many became infinite, or no numbers, on
// the way. Where x has such before, earlier, if it is not nil, tells how many of them
// became so.
func (p *piece) store(dtype checkpoint.DType, x []float32, earlier func() int) (inf int) {
	b := p.bytes[p.filled:][:len(x)*dtype.Bits()/8]
	p.filled += len(b)
	bad := vec.Finite(x)
	if bad > 0 && earlier != nil {
		inf = earlier()
	}
	dtype.Narrow(b, x)
	return inf + dtype.NonFinite(b) - bad
}
