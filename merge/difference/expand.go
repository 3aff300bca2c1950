package difference

import (
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/checkpoint"
)

// A piece is a change at its place in a tensor of a model: rows of it from row
// on, all columns; or, with bias, that many numbers of it.
type piece struct {
	change *change
	bias   bool
	row    int
}

// Expand returns the difference that l makes to a model: a container of the
// tensors of the model that l changes, by the model's keys and in its shapes, in
// float32. Shape returns the dimensions of the model's tensor called key, and
// false where it has none.
//
// Each tensor is scale * (up x down), rounded to float32 after each of the two,
// with the sums of up x down in the order of [vec.Fused]; that is the same on all
// machines. They are made when they are read, and the last few are kept. Where l
// says nothing of a part of a tensor, it is 0.
//
// A module that the model does not have is an error that names it, as is one of
// another shape. If a network is missing as a whole, as the text encoder is of a
// UNet alone, a note counts what was left out.
//
// Closing the container closes l.
func (l *File) Expand(shape func(key string) ([]int, bool)) (*Expansion, error) {
	e := &Expansion{of: l, index: map[string]int{}}
	if err := e.find(shape); err != nil {
		if path := l.file.Path(); path != "" {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return nil, err
	}
	return e, nil
}

// find finds the tensors of the model and what of l is in them.
func (e *Expansion) find(shape func(key string) ([]int, bool)) error {
	put := func(key string, dims []int, p piece) {
		i, ok := e.index[key]
		if !ok {
			i = len(e.tensors)
			e.index[key] = i
			e.tensors = append(e.tensors, checkpoint.Tensor{Name: key, DType: checkpoint.F32, Shape: slices.Clone(dims)})
			e.pieces = append(e.pieces, nil)
		}
		e.pieces[i] = append(e.pieces[i], p)
	}
	found, lost := map[network]int{}, map[network][]*change{}
	for _, c := range e.of.changes {
		at, dims, err := c.find(shape)
		if err != nil {
			return err
		}
		if dims == nil {
			lost[c.path.network] = append(lost[c.path.network], c)
			continue
		}
		found[c.path.network]++
		if c.rows > 0 {
			put(at.weight, dims, piece{change: c, row: at.row(dims)})
		}
		if c.tensors[wholeBias] != nil {
			dims, row, err := c.findBias(at, shape)
			if err != nil {
				return err
			}
			put(at.bias, dims, piece{change: c, bias: true, row: row})
		}
	}
	if err := e.missing(found, lost); err != nil {
		return err
	}
	for i, list := range e.pieces {
		if err := apart(list); err != nil {
			return fmt.Errorf("tensor %s of the model: %w", checkpoint.Short(e.tensors[i].Name), err)
		}
	}
	return nil
}

// apart returns an error if two pieces of a tensor are one over the other: two
// spellings of one module.
func apart(list []piece) error {
	for i, p := range list {
		for _, q := range list[:i] {
			if p.row < q.row+q.height() && q.row < p.row+p.height() {
				return checkpoint.Malformed("modules %s and %s are both a change of it", checkpoint.Short(q.change.module), checkpoint.Short(p.change.module))
			}
		}
	}
	return nil
}

// height returns how many rows, or numbers of a bias, p is of.
func (p piece) height() int {
	if p.bias {
		return p.change.tensors[wholeBias].Len()
	}
	return p.change.rows
}

// missing tells of the changes whose module the model does not have.
func (e *Expansion) missing(found map[network]int, lost map[network][]*change) error {
	if len(found) == 0 {
		return fmt.Errorf("the model has none of the LoRA's %d modules, such as %s: it is for another architecture",
			len(e.of.changes), checkpoint.Short(e.of.changes[0].module))
	}
	for n := unet; n <= text2; n++ {
		list := lost[n]
		switch {
		case len(list) == 0:
		case found[n] > 0:
			return fmt.Errorf("the model lacks %d of the LoRA's %d modules in the %s, such as %s: it is for another architecture",
				len(list), len(list)+found[n], n, checkpoint.Short(list[0].module))
		default:
			e.notes = append(e.notes, fmt.Sprintf("the model has no %s that the LoRA knows: its %d modules there are left out", n, len(list)))
		}
	}
	return nil
}

// find returns the place of the weight of c, and the shape of the model's tensor
// there, which is nil if the model does not have it.
func (c *change) find(shape func(key string) ([]int, bool)) (target, []int, error) {
	var there target
	var its []int
	var misfit error
	for _, t := range targets(c.path) {
		dims, ok := shape(t.weight)
		if !ok {
			continue
		}
		err := c.fits(t, dims)
		if err == nil {
			return t, dims, nil
		}
		if misfit == nil {
			there, its, misfit = t, dims, err
		}
	}
	return there, its, misfit
}

// fits returns an error if c is no change of rows of a tensor of these
// dimensions, at t. A linear layer and a 1x1 convolution are the same.
func (c *change) fits(t target, dims []int) error {
	if c.rows == 0 {
		return nil
	}
	if len(dims) == 0 {
		dims = []int{1}
	}
	rows, cols := dims[0], area(dims[1:]...)
	ok := c.cols == cols && cols < math.MaxInt && c.rows < math.MaxInt
	if t.part < 0 {
		ok = ok && c.rows == rows
	} else {
		end := t.row(dims) + c.rows
		ok = ok && end <= rows && (c.rows == cols || end == rows)
	}
	if k := c.kernel; ok && k != nil && len(dims) == 4 {
		ok = slices.Equal(k, dims[2:])
	}
	if !ok {
		return fmt.Errorf("module %s is a change of %d x %d numbers, and does not fit the model's tensor %s of shape %v: it is for another architecture",
			checkpoint.Short(c.module), c.rows, c.cols, checkpoint.Short(t.weight), dims)
	}
	return nil
}

// row returns the first row of the part in a tensor of these dimensions.
func (t target) row(dims []int) int {
	if t.part <= 0 || len(dims) < 2 {
		return 0
	}
	return t.part * dims[1]
}

// findBias returns the shape of the bias at t, and where in it that of c begins.
func (c *change) findBias(t target, shape func(key string) ([]int, bool)) (dims []int, row int, err error) {
	d := c.tensors[wholeBias]
	dims, ok := shape(t.bias)
	if !ok || t.bias == "" {
		return nil, 0, fmt.Errorf("tensor %s is of a bias, and the model has none there", checkpoint.Short(d.Name))
	}
	n := area(dims...)
	if t.part > 0 {
		row = t.part * d.Len()
	}
	if t.part < 0 && n != d.Len() || row+d.Len() > n {
		return nil, 0, fmt.Errorf("tensor %s has %d numbers, and does not fit the model's tensor %s of shape %v",
			checkpoint.Short(d.Name), d.Len(), checkpoint.Short(t.bias), dims)
	}
	return dims, row, nil
}
