package fingerprint

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge/checkpoint"
	"mixmatch/similarity"
)

// Elements: the sums of a piece are taken on their own, and a part of it is read in
// one go. A piece is part of the specification, since float64 sums have an order.
const (
	pieceLen = 1 << 20
	partLen  = 1 << 16
)

// A piece is a run of elements of one tensor, and what was found of them.
type piece struct {
	number      int
	task, at, n int

	sums        [Buckets]float64
	squares     [8]float64 // of which the tensor's norm is made
	floor, half float64
	sum         checkpoint.Sum
}

// run reads everything and makes the fingerprint. Pieces are read side by side, and
// added up in order.
func (p *pass) run(ctx context.Context, threads int) error {
	group, inside := errgroup.WithContext(ctx)
	wanted, ready := make(chan *piece), make(chan *piece, 2*threads)
	room := make(chan struct{}, 8*threads) // for pieces that are read or wait for one before them
	free := sync.Pool{New: func() any { return new(piece) }}
	group.Go(func() error {
		defer close(wanted)
		number := 0
		for i := range p.tasks {
			for at, n := 0, p.tasks[i].length(); at < n; at += pieceLen {
				c := free.Get().(*piece)
				c.number, c.task, c.at, c.n = number, i, at, min(pieceLen, n-at)
				number++
				select {
				case room <- struct{}{}:
				case <-inside.Done():
					return inside.Err()
				}
				select {
				case wanted <- c:
				case <-inside.Done():
					return inside.Err()
				}
			}
		}
		return nil
	})
	var readers sync.WaitGroup
	for range threads {
		readers.Add(1)
		group.Go(func() error {
			defer readers.Done()
			r := reader{pass: p, bytes: make([]byte, 8*partLen), x: make([]float32, Buckets)}
			for c := range wanted {
				if err := r.read(inside, c); err != nil {
					return err
				}
				select {
				case ready <- c:
				case <-inside.Done():
					return inside.Err()
				}
			}
			return nil
		})
	}
	go func() {
		readers.Wait()
		close(ready)
	}()
	group.Go(func() error {
		waiting, next := map[int]*piece{}, 0
		for c := range ready {
			waiting[c.number] = c
			for ; waiting[next] != nil; next++ {
				p.add(waiting[next])
				free.Put(waiting[next])
				<-room
				delete(waiting, next)
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return p.finish(ctx)
}

// length is in elements; of a tensor that is only summed up, in bytes.
func (t *task) length() int {
	if t.section < 0 {
		return int(t.tensor.Bytes())
	}
	return t.tensor.Len()
}

// add adds what was found of a piece to what was found of those before it.
func (p *pass) add(c *piece) {
	t := &p.tasks[c.task]
	bytes := int64(c.n)
	if t.section >= 0 {
		bytes *= int64(t.tensor.DType.Bits()) / 8
		to := p.sums[t.section]
		for i, v := range c.sums {
			to[i] += v
		}
		for _, v := range c.squares {
			t.norm += v
		}
		p.rounding[t.section] += c.floor
		p.half[t.section] += c.half
	}
	t.sum = t.sum.Then(c.sum, bytes)
	p.done += bytes
	if p.progress != nil {
		p.progress(p.done, p.total)
	}
}

// A reader holds the buffers of one thread.
type reader struct {
	pass    *pass
	bytes   []byte
	x       []float32
	rounder similarity.Rounder
}

// read reads a piece.
func (r *reader) read(ctx context.Context, c *piece) error {
	t := &r.pass.tasks[c.task]
	c.sums, c.squares, c.floor, c.half, c.sum = [Buckets]float64{}, [8]float64{}, 0, 0, 0
	width := 1
	if t.section >= 0 {
		width = t.tensor.DType.Bits() / 8
	}
	for at := c.at; at < c.at+c.n; at += partLen {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(partLen, c.at+c.n-at)
		b := r.bytes[:n*width]
		if err := r.pass.model.File.ReadBytes(b, t.tensor, int64(at)*int64(width)); err != nil {
			return fmt.Errorf("%s: %w", r.pass.model.Name, err)
		}
		c.sum = c.sum.And(b)
		if t.section < 0 {
			continue
		}
		floor, half, err := r.rounder.Rounding(r.pass.model, t.tensor, b, at, t.grid)
		if err != nil {
			return fmt.Errorf("%s: %w", r.pass.model.Name, err)
		}
		c.floor += floor
		c.half += half
		for from := 0; from < n; from += Buckets {
			to := min(from+Buckets, n)
			x := r.x[:to-from]
			t.tensor.DType.Widen(x, b[from*width:to*width])
			add(&c.sums, &c.squares, t.seed, uint64(at+from)/Buckets, x)
		}
	}
	return nil
}
