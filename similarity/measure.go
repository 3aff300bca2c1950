package similarity

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"mixmatch/merge"
)

// Options are how products are measured, and what is done beside it.
type Options struct {
	Threads  int                     // 0: one a processor. The sums do not depend on it
	Progress func(done, total int64) // told of bytes read, if not nil; calls do not overlap

	// Known are products that are there already, which are not measured again: of
	// some of the models, or of some of the tensors. Where none is missing, nothing
	// is read. The files must be those that they were measured from.
	Known []Known

	// Contents has everything summed up that is read, and the rest of the files
	// too, to fill in [Products.Sums] and [Gram.Contents].
	Contents bool

	// Keep, if not nil, is told of the products of a tensor with one of the targets
	// as soon as they are finished, unless all were known. Calls do not overlap.
	Keep func(target int, p *Products) error

	// Fold, if not nil, is told of all products of a tensor, tensor by tensor in the
	// order of keys, and they are not kept: P is empty in what is returned. Memory then
	// does not grow with the number of tensors. Calls do not overlap.
	Fold func(target int, p *Products)
}

// Known are products of models of a pool, by their names, the first of them the
// pool's.
type Known struct {
	Gram   *Gram
	Target int // which of the targets its target is, or -1 if it is none of them
}

// Measure reads every floating-point tensor of the UNet, the text encoder and
// the VAE that the target and the pool's models share, once, and returns their
// inner products. The pool's first model is the row that the others are
// measured from. Memory is a few megabytes a thread.
//
// The error is an [UnsoundError] that wraps [merge.ErrNonFinite] if a tensor holds NaN
// or infinity, or [checkpoint.ErrFormat] if what is read is damaged; it wraps
// [checkpoint.ErrChanged] if a file changed meanwhile.
func Measure(ctx context.Context, pool *merge.Pool, target *merge.Model, threads int, progress func(done, total int64)) (*Gram, error) {
	all, err := MeasureAll(ctx, pool, []*merge.Model{target}, Options{Threads: threads, Progress: progress})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// MeasureAll is [Measure] for several targets in one pass over the sources, whose
// products with each other are the same for all. Each gets the products that
// [Measure] gives it, to the bit, whatever is known before.
//
// With [Options.Contents] the error wraps [checkpoint.ErrChanged], too, if a tensor
// that is read is not what it was when the products known were measured.
func MeasureAll(ctx context.Context, pool *merge.Pool, targets []*merge.Model, o Options) ([]*Gram, error) {
	p, err := newPass(pool, targets, o)
	if err != nil {
		return nil, err
	}
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	for _, m := range p.rows {
		if err := m.File.Changed(); err != nil {
			return nil, err
		}
	}
	for t, g := range p.grams {
		if err := g.finite(p.rowsOf(t)); err != nil {
			return nil, err
		}
	}
	return p.grams, nil
}

// A piece is a run of elements of one tensor. The products of a tensor are
// summed over its pieces in order, so they do not depend on the number of
// threads.
type piece struct {
	task, part int // of the pass, of the task
	at, n      int
}

// run measures what is not known.
func (p *pass) run(ctx context.Context) error {
	total := p.unread()
	var pieces []piece
	known := newFinisher(p)
	for i := range p.tasks {
		t := &p.tasks[i]
		total += t.bytes
		for at := 0; at < t.len && t.bytes > 0; at += pieceLen {
			pieces = append(pieces, piece{i, len(t.parts), at, min(pieceLen, t.len-at)})
			t.parts = append(t.parts, partial{})
		}
		if t.left = len(t.parts); t.left == 0 { // all is known
			if err := known.finish(t); err != nil {
				return err
			}
		}
	}
	var done int64
	var one sync.Mutex // one finishes something at a time
	progress := func(n int64) {
		one.Lock()
		defer one.Unlock()
		done += n
		if p.options.Progress != nil {
			p.options.Progress(done, total)
		}
	}
	var next atomic.Int64
	finish := func(t *task, f *finisher) error {
		one.Lock()
		t.left--
		last := t.left == 0
		one.Unlock()
		if !last {
			return nil
		}
		return f.finish(t) // side by side: with many models that takes as long as the products
	}
	threads := p.options.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	group, inside := errgroup.WithContext(ctx)
	read := func(n int64) error {
		progress(n)
		return inside.Err()
	}
	for range threads {
		group.Go(func() error {
			w, f := newWorker(p, threads), newFinisher(p)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(pieces) {
					return nil
				}
				t := &p.tasks[pieces[i].task]
				if err := w.measure(t, pieces[i], read); err != nil {
					return err
				}
				if err := finish(t, f); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return p.contents(ctx, progress)
}
