package difference

import (
	"fmt"
	"slices"
	"sync"

	"mixmatch/merge/checkpoint"
)

// An Expansion is the difference that a file makes to one model, as a container
// of tensors: see [File.Expand].
type Expansion struct {
	of      *File
	tensors []checkpoint.Tensor
	pieces  [][]piece // of each tensor
	notes   []string

	mu   sync.Mutex
	kept []*expanded // those used last in front
}

// An expanded is a tensor as bytes.
type expanded struct {
	index int
	once  sync.Once
	bytes []byte
	err   error
}

// keep is how many expanded tensors stay in memory.
const keep = 2

// Info tells of the file that the changes are in; its format is "LoRA".
func (e *Expansion) Info() checkpoint.Info {
	f := e.of.file
	return checkpoint.Info{Path: f.Path(), Format: "LoRA", Metadata: f.Metadata(), Stamp: f.Stamp(), Notes: slices.Concat(f.Notes(), e.notes)}
}

// Tensors returns the tensors of the model that are changed.
func (e *Expansion) Tensors() []checkpoint.Tensor { return e.tensors }

// ReadBytes makes tensor i if it is not there, and copies its bytes.
func (e *Expansion) ReadBytes(dst []byte, i int, at int64) error {
	b, err := e.expanded(i)
	if err != nil {
		return err
	}
	copy(dst, b[at:])
	return nil
}

// Changed tells whether the file has changed.
func (e *Expansion) Changed() error { return e.of.file.Changed() }

// Close closes the file.
func (e *Expansion) Close() error { return e.of.Close() }

// expanded returns the bytes of tensor i.
func (e *Expansion) expanded(i int) ([]byte, error) {
	x := e.entry(i)
	x.once.Do(func() {
		numbers, err := e.expand(i)
		if err != nil {
			x.err = err
			return
		}
		x.bytes = make([]byte, 4*len(numbers))
		checkpoint.F32.Narrow(x.bytes, numbers)
	})
	return x.bytes, x.err
}

// entry returns the place for tensor i, which is among those kept from then on.
func (e *Expansion) entry(i int) *expanded {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := slices.IndexFunc(e.kept, func(x *expanded) bool { return x.index == i })
	x := &expanded{index: i}
	if at >= 0 {
		x = e.kept[at]
		e.kept = slices.Delete(e.kept, at, at+1)
	}
	e.kept = slices.Insert(e.kept, 0, x)
	e.kept = e.kept[:min(len(e.kept), keep)]
	return x
}

// expand makes tensor i.
func (e *Expansion) expand(i int) ([]float32, error) {
	all := make([]float32, e.tensors[i].Len())
	for _, p := range e.pieces[i] {
		x, err := e.of.numbers(p)
		if err != nil {
			return nil, err
		}
		if !p.bias {
			multiply(x, p.change.scale)
		}
		for _, v := range x {
			if v-v != 0 {
				return nil, fmt.Errorf("module %s has numbers that are not finite", checkpoint.Short(p.change.module))
			}
		}
		width := len(x) / p.height()
		copy(all[p.row*width:], x)
	}
	return all, nil
}

// multiply multiplies each element of x with s.
func multiply(x []float32, s float32) {
	if s == 1 {
		return
	}
	for i := range x {
		x[i] *= s
	}
}
