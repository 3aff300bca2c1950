package merge

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// largeTensor is the number of elements above which tensors that must be computed
// whole are so one at a time: the largest of SDXL have 150 MB in float32.
const largeTensor = 1 << 22

// An evaluator computes nodes, all of them at the same place, and gives memory
// back as soon as nothing needs it any more.
type evaluator struct {
	pool    *Pool
	at, n   int  // the elements, unless
	whole   bool // all of them
	uses    map[*node]int
	done    map[*node]calc.Tensor
	free    [][]float32
	scratch []byte
	odd     int // infinities and NaN among what was read

	// For a rehearsal.
	cache *cache // nil for none
	root  *node  // which the cache need not have
	marks map[*node]mark
	kept  map[*node]bool // whose memory is the cache's
}

func newEvaluator(p *Pool, at, n int, whole bool) *evaluator {
	return &evaluator{
		pool: p, at: at, n: n, whole: whole,
		uses: map[*node]int{}, done: map[*node]calc.Tensor{}, kept: map[*node]bool{},
	}
}

// evaluate returns elements at to at+n of a node, or all of them, and how many
// of those that it was made of were no finite numbers.
func (p *Pool) evaluate(root *node, at, n int, whole bool) (calc.Tensor, int, error) {
	e := newEvaluator(p, at, n, whole)
	e.count(root)
	t, err := e.get(root)
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

// get returns a node's values.
func (e *evaluator) get(n *node) (calc.Tensor, error) {
	if t, ok := e.done[n]; ok {
		return t, nil
	}
	caches := e.cache != nil && n.step != nil && n != e.root
	if caches {
		if t, ok := e.cache.get(e.mark(n)); ok {
			e.done[n], e.kept[n] = t, true
			return t, nil
		}
	}
	t, err := e.make(n)
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

func (e *evaluator) make(n *node) (calc.Tensor, error) {
	if n.step == nil {
		return e.read(n)
	}
	var in [3]calc.Tensor
	for i, o := range n.operands() {
		t, err := e.get(o)
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
	m := e.pool.Models[n.model]
	if err := m.File.Read(t.Data, e.scratch, n.file, at); err != nil {
		return t, e.pool.named(m, err)
	}
	e.odd += vec.Finite(t.Data)
	return t, nil
}

func length(shape []int) int { return checkpoint.Tensor{Shape: shape}.Len() }

// chained returns elements of a job's node as they are stored, and how many
// became infinite, or no numbers at all, on the way. It holds oneLarge while it
// computes a large tensor.
func (p *Pool) chained(j *job, at, n int, oneLarge *sync.Mutex) ([]byte, int, error) {
	if j.node.whole && j.out.Len() > largeTensor {
		oneLarge.Lock()
		defer oneLarge.Unlock()
	}
	x, odd, err := p.evaluate(j.node, at, n, j.node.whole)
	if err != nil {
		return nil, 0, err
	}
	made := max(0, vec.Finite(x.Data)-odd)
	b, inf, err := narrow(j.out.DType, x.Data)
	return b, made + inf, err
}

// equal reports whether two nodes have the same values.
func (c *chain) equal(x, y *node) (same bool, err error) {
	if c.same != nil && x.step == nil && y.step == nil {
		name := fmt.Sprintf("%d %d %q", x.model, y.model, x.file.Name)
		if same, ok := c.same[name]; ok {
			return same, nil
		}
		defer func() {
			if err == nil {
				c.same[name] = same
			}
		}()
	}
	size := length(x.shape)
	if x.whole || y.whole {
		s, _, err := c.evaluate(x, 0, 0, true)
		if err != nil {
			return false, err
		}
		t, _, err := c.evaluate(y, 0, 0, true)
		return slices.Equal(s.Data, t.Data), err
	}
	for at := 0; at < size; at += chunk {
		n := min(chunk, size-at)
		s, _, err := c.evaluate(x, at, n, false)
		if err != nil {
			return false, err
		}
		t, _, err := c.evaluate(y, at, n, false)
		if err != nil || !slices.Equal(s.Data, t.Data) {
			return false, err
		}
	}
	return true, nil
}

// similarities returns the range of the similarities of two models, over all
// keys that they share: SuperMerger's "stage 0" (mergers.py:705).
func (c *chain) similarities(ctx context.Context, mode calc.Calc, a, b map[string]*node) (calc.Range, error) {
	s, err := calc.NewSimilarities(mode)
	if err != nil {
		return calc.Range{}, err
	}
	for _, key := range c.keys {
		if err := ctx.Err(); err != nil {
			return calc.Range{}, err
		}
		x, y := a[key], b[key]
		if x == nil || y == nil || !strings.Contains(key, "model") || strings.Contains(key, "first_stage_model") {
			continue
		}
		s1, err := c.anything(x)
		if err != nil {
			return calc.Range{}, err
		}
		s2, err := c.anything(y)
		if err != nil {
			return calc.Range{}, err
		}
		if err := s.Add(key, s1, s2); err != nil {
			return calc.Range{}, fmt.Errorf("%w: %w", ErrMismatch, err)
		}
	}
	r, err := s.Range()
	if err != nil {
		return r, fmt.Errorf("%w: %s: %w", ErrMismatch, mode, err)
	}
	return r, nil
}

// anything returns all of a node, whole numbers too.
func (c *chain) anything(n *node) (calc.Tensor, error) {
	if n.step != nil || n.dtype.Float() {
		t, _, err := c.evaluate(n, 0, 0, true)
		return t, err
	}
	m := c.Models[n.model]
	b := make([]byte, n.file.Bytes())
	if err := m.File.ReadBytes(b, n.file, 0); err != nil {
		return calc.Tensor{}, c.named(m, err)
	}
	t := calc.Tensor{DType: calc.F32, Shape: n.shape, Data: make([]float32, length(n.shape))}
	for i := range t.Data {
		switch n.dtype {
		case "I64":
			t.Data[i] = float32(int64(binary.LittleEndian.Uint64(b[8*i:])))
		case "I32":
			t.Data[i] = float32(int32(binary.LittleEndian.Uint32(b[4*i:])))
		case "I16":
			t.Data[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:])))
		case "U8", "BOOL":
			t.Data[i] = float32(b[i])
		default:
			return t, fmt.Errorf("%w: %s: %q holds %s, which cannot be compared", ErrMismatch, m.Name, n.file.Name, n.dtype)
		}
	}
	return t, nil
}
