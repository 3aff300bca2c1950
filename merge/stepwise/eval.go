package stepwise

import (
	"context"
	"slices"
	"sync"

	"mixmatch/merge"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// chunk is how many elements are read at a time.
const chunk = 1 << 18

// part is how many elements are made at a time where they are stored at once: they
// stay in the second-level cache.
const part = 1 << 14

// largeTensor is the number of elements above which tensors that must be computed
// whole are so one at a time: the largest of SDXL have 150 MB in float32.
const largeTensor = 1 << 22

// An evaluator computes nodes, all of them at the same place, and gives memory
// back as soon as nothing needs it any more.
type evaluator struct {
	pool    *merge.Pool
	at, n   int  // the elements, unless
	whole   bool // all of them
	uses    map[*node]int
	done    map[*node]calc.Tensor
	free    [][]float32
	scratch []byte
	odd     merge.Odd // infinities and NaN among what was read

	// For a rehearsal.
	cache *cache // nil for none
	root  *node  // which the cache need not have
	marks map[*node]mark
	kept  map[*node]bool // whose memory is the cache's
}

func newEvaluator(p *merge.Pool, at, n int, whole bool) *evaluator {
	return &evaluator{
		pool: p, at: at, n: n, whole: whole,
		uses: map[*node]int{}, done: map[*node]calc.Tensor{}, kept: map[*node]bool{},
	}
}

// begin makes e ready for elements at to at+n, in the memory that it has.
func (e *evaluator) begin(at, n int) {
	e.at, e.n, e.odd = at, n, e.odd[:0]
	for _, t := range e.done { // of an error
		e.free = append(e.free, t.Data)
	}
	clear(e.uses)
	clear(e.done)
}

// evaluate returns elements at to at+n of a node, or all of them, and how many
// of those that it was made of were no finite numbers.
func (c *chain) evaluate(ctx context.Context, root *node, at, n int, whole bool) (calc.Tensor, merge.Odd, error) {
	e := newEvaluator(c.Pool, at, n, whole)
	e.count(root)
	t, err := e.get(ctx, root)
	return t, e.odd, err
}

func (e *evaluator) count(n *node) {
	e.uses[n]++
	if e.uses[n] == 1 {
		for _, o := range n.operands() {
			e.count(o)
		}
	}
}

// get returns a node's values. It hears ctx before each that it computes.
func (e *evaluator) get(ctx context.Context, n *node) (calc.Tensor, error) {
	if t, ok := e.done[n]; ok {
		return t, nil
	}
	caches := e.cache != nil && (n.step != nil || n.baking != nil) && n != e.root
	if caches {
		if t, ok := e.cache.get(e.mark(n)); ok {
			e.done[n], e.kept[n] = t, true
			return t, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return calc.Tensor{}, err
	}
	t, err := e.make(ctx, n)
	e.done[n] = t
	if caches && err == nil {
		e.kept[n] = e.cache.put(e.mark(n), t)
	}
	return t, err
}

// release drops one use of n, whose memory is used again after the last.
func (e *evaluator) release(n *node) {
	e.uses[n]--
	if e.uses[n] == 0 {
		if !e.kept[n] {
			e.free = append(e.free, e.done[n].Data)
		}
		delete(e.done, n)
	}
}

// buffer returns memory for n elements, nil if there is none to use again.
func (e *evaluator) buffer(n int) []float32 {
	for i, b := range slices.Backward(e.free) {
		if cap(b) >= n {
			e.free = slices.Delete(e.free, i, i+1)
			return b[:n]
		}
	}
	return nil
}

func (e *evaluator) make(ctx context.Context, n *node) (calc.Tensor, error) {
	if n.baking != nil {
		return e.bake(ctx, n)
	}
	if n.step == nil {
		return e.read(n)
	}
	var in [3]calc.Tensor
	for i, o := range n.operands() {
		t, err := e.get(ctx, o)
		if err != nil {
			return calc.Tensor{}, err
		}
		in[i] = t
	}
	size := e.n
	if e.whole {
		size = length(n.shape)
	}
	t, err := n.step.Merge(e.buffer(size), n.key, in[0], in[1], in[2])
	for _, o := range n.operands() {
		e.release(o)
	}
	return t, err
}

// read returns a file's tensor.
func (e *evaluator) read(n *node) (calc.Tensor, error) {
	t := calc.Tensor{DType: n.format(), Shape: []int{e.n}}
	at, size := e.at, e.n
	if e.whole {
		t.Shape, at, size = n.shape, 0, length(n.shape)
	}
	if t.Data = e.buffer(size); t.Data == nil {
		t.Data = make([]float32, size)
	}
	if e.scratch == nil {
		e.scratch = make([]byte, 8*min(size, chunk))
	}
	if err := e.pool.Models[n.model].Read(t.Data, e.scratch, n.file, at); err != nil {
		return t, err
	}
	e.odd.Add(n.model, vec.Finite(t.Data))
	return t, nil
}

func length(shape []int) int { return checkpoint.Tensor{Shape: shape}.Len() }

// maker returns the function that makes elements of a node, and counts those that
// became infinite, or no numbers at all, on the way. It holds oneLarge while it
// computes a large tensor.
func (c *chain) maker(n *node, oneLarge *sync.Mutex) func(ctx context.Context, at, size int, use func(merge.Values) error) error {
	return func(ctx context.Context, at, size int, use func(merge.Values) error) error {
		if n.whole {
			if length(n.shape) > largeTensor {
				oneLarge.Lock()
				defer oneLarge.Unlock()
			}
			x, odd, err := c.evaluate(ctx, n, at, size, true)
			if err != nil {
				return err
			}
			return use(values(x, odd))
		}
		e, ok := c.spare.Get().(*evaluator)
		if !ok {
			e = newEvaluator(c.Pool, 0, 0, false)
		}
		defer c.spare.Put(e)
		for end := at + size; at < end; at += part {
			e.begin(at, min(part, end-at))
			e.count(n)
			x, err := e.get(ctx, n)
			if err != nil {
				return err
			}
			if err := use(values(x, e.odd)); err != nil {
				return err
			}
			e.release(n)
		}
		return nil
	}
}

// values says what a node's elements are that were made of so many odd ones.
func values(x calc.Tensor, odd merge.Odd) merge.Values {
	inf := vec.Finite(x.Data)
	for _, k := range odd {
		inf -= k
	}
	return merge.Values{X: x.Data, Odd: odd, Inf: max(0, inf)}
}
