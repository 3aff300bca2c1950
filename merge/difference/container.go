package difference

import (
	"slices"
	"sync"

	"mixmatch/merge/checkpoint"
)

// An Expansion is the difference that a file makes to one model, as a container
// of tensors: see [File.Expand].
type Expansion struct {
	of      *File
	tensors []checkpoint.Tensor
	index   map[string]int // of each tensor, by its name
	pieces  [][]piece      // of each tensor
	notes   []string

	mu   sync.Mutex
	kept []*addition // those used last in front
}

// Info tells of the file that the changes are in; its format is "LoRA".
func (e *Expansion) Info() checkpoint.Info {
	info := e.of.info()
	info.Format, info.Dialects = "LoRA", nil
	info.Notes = append(info.Notes, e.notes...)
	return info
}

// Notes returns what of the file is left out for this model.
func (e *Expansion) Notes() []string { return e.notes }

// Tensors returns the tensors of the model that are changed.
func (e *Expansion) Tensors() []checkpoint.Tensor { return e.tensors }

// ReadBytes makes tensor i if it is not there, and copies its bytes.
func (e *Expansion) ReadBytes(dst []byte, i int, at int64) error {
	x, err := e.made(recipe{index: i, ratio: 1, way: Kohya})
	if err != nil || len(dst) == 0 {
		return err
	}
	from, end := at/4, (at+int64(len(dst))+3)/4
	if at%4 == 0 && len(dst)%4 == 0 {
		checkpoint.F32.Narrow(dst, x[from:end])
		return nil
	}
	whole := make([]byte, 4*(end-from))
	checkpoint.F32.Narrow(whole, x[from:end])
	copy(dst, whole[at-4*from:])
	return nil
}

// Changed tells whether the file has changed, or PEFT's settings beside it.
func (e *Expansion) Changed() error { return e.of.changed() }

// Close closes the file.
func (e *Expansion) Close() error { return e.of.Close() }

// A recipe is all that an addition depends on.
type recipe struct {
	index int // of the tensor
	ratio float64
	way   Way
	dtype checkpoint.DType // of the tensor that it is added to
}

// An addition is what is added to a tensor.
type addition struct {
	recipe
	once sync.Once
	x    []float32
	err  error
}

// keep is how many additions stay in memory.
const keep = 2

// made returns the addition of r, which nobody changes.
func (e *Expansion) made(r recipe) ([]float32, error) {
	a := e.place(r)
	a.once.Do(func() { a.x, a.err = e.make(r) })
	return a.x, a.err
}

// place returns the place for the addition of r, which is among those kept from
// then on.
func (e *Expansion) place(r recipe) *addition {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := &addition{recipe: r}
	if at := slices.IndexFunc(e.kept, func(a *addition) bool { return a.recipe == r }); at >= 0 {
		a = e.kept[at]
		e.kept = slices.Delete(e.kept, at, at+1)
	}
	e.kept = slices.Insert(e.kept, 0, a)
	e.kept = e.kept[:min(len(e.kept), keep)]
	return a
}

// make makes the addition of r.
func (e *Expansion) make(r recipe) ([]float32, error) {
	n := e.tensors[r.index].Len()
	var all []float32
	for _, p := range e.pieces[r.index] {
		x, err := r.way.add(e.of.file, p, r.ratio, r.dtype)
		if err != nil {
			return nil, err
		}
		for _, v := range x {
			if v-v != 0 {
				return nil, checkpoint.Malformed("module %s: the numbers that it adds are not finite", checkpoint.Short(p.change.module))
			}
		}
		if len(x) == n {
			return x, nil // the whole tensor
		}
		if all == nil {
			all = make([]float32, n)
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
