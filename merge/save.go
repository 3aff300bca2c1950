package merge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/vec"
)

// ErrOverflow is wrapped when merged values do not fit the output's numbers.
var ErrOverflow = errors.New("values too large for the output's numbers")

// ErrRecipe is wrapped when a recipe has a step that cannot be executed.
var ErrRecipe = errors.New("cannot be executed")

// SaveOptions are the choices of [Save]. The zero value keeps the root's
// number formats and refuses to replace a file.
type SaveOptions struct {
	DType    checkpoint.DType  // F16, BF16 or F32 for everything a model computes with; "" keeps the root's
	Metadata map[string]string // written beside format:"pt"
	Force    bool              // replace an existing file
	AllowInf bool              // write what overflows as infinity
	Progress func(done, total int64)

	// Compat executes the recipe step by step, with the arithmetic and the
	// roundings that SuperMerger had in this era; "" computes a linear recipe in
	// one go, and rounds once. Recipes that are not linear are executed step by
	// step in any case, with "" in the era of their blocks.
	Compat block.Era
}

// A Saved reports what [Save] wrote.
type Saved struct {
	Bytes  int64
	Merged int // tensors computed
	Copied int // tensors taken over bit for bit
	Inf    int // elements that became infinite (only with AllowInf)
	Notes  []string
}

// Elements merged at a time. A chunk costs up to 24 bytes an element, and there
// are a few more under way than there are threads.
const chunk = 1 << 18

// Save writes the mix of the pool's models to path, one chunk at a time, in
// memory of a few megabytes a thread. The file appears under its name only
// when it is complete.
//
// Keys are treated as SuperMerger treats them in one step (mergers.py, 2025-10):
// a tensor is merged if its key has a block, every model with a weight there has
// it and it holds floating-point numbers; otherwise the root's is kept. What the
// root lacks is copied from the models of mix.Fill. (Over several steps
// SuperMerger leaves out just the steps whose model lacks a key, as Save does
// with o.Compat.) EMA copies are left out, since they mean nothing after a merge.
func Save(ctx context.Context, p *Pool, mix *Mix, path string, o SaveOptions) (*Saved, error) {
	var jobs []job
	var saved *Saved
	var err error
	chained := o.Compat != "" || mix.Weights == nil
	if chained {
		jobs, saved, err = p.chainJobs(ctx, mix, o)
	} else {
		jobs, saved, err = p.jobs(mix, o.DType)
	}
	if err != nil {
		return nil, err
	}
	tensors := make([]checkpoint.Tensor, len(jobs))
	byName := map[string]*job{}
	var total int64
	for i := range jobs {
		tensors[i] = jobs[i].out
		byName[jobs[i].out.Name] = &jobs[i]
		total += jobs[i].out.Bytes()
	}
	meta := map[string]string{"format": "pt"}
	for k, v := range o.Metadata {
		meta[k] = v
	}
	w, err := safetensors.Create(path, tensors, meta, o.Force)
	if err != nil {
		return nil, err
	}
	defer w.Abort()

	// Chunks are made by several goroutines and written in order: pieces holds
	// one channel for each chunk under way.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type piece struct {
		bytes []byte
		err   error
	}
	pieces := make(chan chan piece, runtime.GOMAXPROCS(0))
	var inf atomic.Int64
	var oneLarge sync.Mutex // one large tensor is computed at a time
	go func() {
		defer close(pieces)
		for _, t := range w.Tensors() {
			j := byName[t.Name]
			size := chunk
			if j.node != nil && j.node.whole {
				size = t.Len()
			}
			for at := 0; at < t.Len(); at += size {
				made := make(chan piece, 1)
				select {
				case pieces <- made:
				case <-ctx.Done():
					return
				}
				go func() {
					b, n, err := p.piece(j, at, min(size, t.Len()-at), &oneLarge)
					inf.Add(int64(n))
					made <- piece{b, err}
				}()
			}
		}
	}()
	for made := range pieces {
		got := <-made
		if got.err != nil {
			return nil, got.err
		}
		if n := inf.Load(); n > 0 && !o.AllowInf {
			if chained {
				return nil, fmt.Errorf("%w: a step's result is infinite or no number, as it would be in SuperMerger: allow that, or merge in one go", ErrOverflow)
			}
			return nil, fmt.Errorf("%w: save as fp32 or bf16 instead", ErrOverflow)
		}
		if _, err := w.Write(got.bytes); err != nil {
			return nil, err
		}
		saved.Bytes += int64(len(got.bytes))
		if o.Progress != nil {
			o.Progress(saved.Bytes, total)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, m := range p.Models {
		if err := m.File.Changed(); err != nil {
			return nil, err
		}
	}
	saved.Inf = int(inf.Load())
	return saved, w.Commit()
}

// piece returns elements at to at+n of a job's tensor, as they are stored, and
// how many of them overflowed.
func (p *Pool) piece(j *job, at, n int, oneLarge *sync.Mutex) ([]byte, int, error) {
	if j.node != nil {
		return p.chained(j, at, n, oneLarge)
	}
	if j.mixed == nil {
		m := p.Models[j.from]
		t, _ := m.Tensor(j.key)
		if t.DType == j.out.DType {
			width := int64(t.DType.Bits())
			first, last := int64(at)*width/8, int64(at+n)*width/8
			b := make([]byte, last-first)
			return b, 0, p.named(m, m.File.ReadBytes(b, t, first))
		}
		x := make([]float32, n)
		if err := m.File.Read(x, nil, t, at); err != nil {
			return nil, 0, p.named(m, err)
		}
		return narrow(j.out.DType, x)
	}
	sum := make([]float64, n)
	x, scratch := make([]float32, n), make([]byte, 8*n)
	for k := range j.mixed {
		i := k
		if j.order != nil {
			if k == len(j.order) {
				break // the rest has no part in the recipe
			}
			i = j.order[k]
		}
		w := j.mixed[i]
		if w == 0 {
			continue
		}
		m := p.Models[i]
		t, _ := m.Tensor(j.key)
		if err := m.File.Read(x, scratch, t, at); err != nil {
			return nil, 0, p.named(m, err)
		}
		vec.Axpy64(sum, w, x)
	}
	wide := 0 // too large for a float32 already
	for i, v := range sum {
		x[i] = float32(v)
		if math.Abs(v) > math.MaxFloat32 && !math.IsInf(v, 0) && math.IsInf(float64(x[i]), 0) {
			wide++
		}
	}
	b, inf, err := narrow(j.out.DType, x)
	return b, wide + inf, err
}

func (p *Pool) named(m *Model, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	return nil
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
