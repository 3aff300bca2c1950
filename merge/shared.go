package merge

import (
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// Shared returns models as far as they can be compared, if they are of kinds that
// stand beside each other in a merge: of an inpainting model beside usual ones the
// first four channels of the first convolution, for one. They share the files of
// the models given, and are those where all are of one kind. A model of kind target
// is what they are merged to, so that it must take them in, and one of them must be
// of that kind to begin with. The error wraps [ErrMismatch].
func Shared(target block.Model, models []*Model) ([]*Model, error) {
	mixed, first := false, false
	for _, m := range models {
		switch {
		case m.Difference:
		case m.Kind == target:
			first = true
		case target.Takes(m.Kind):
			mixed = true
		case m.Kind.Takes(target):
			return nil, fmt.Errorf("%w: %s is %s, and what a merge makes of such and others is as well, not %s; leave it out", ErrMismatch, m.Name, m.Kind, target)
		}
	}
	switch {
	case !mixed:
		return models, nil // a pool of them says what does not fit
	case !first:
		return nil, fmt.Errorf("%w: the target is %s, and a merge that makes such a model begins with one: none of the sources is", ErrMismatch, target)
	}
	return cutAll(models)
}

// Comparable is Shared for models that nobody has merged yet: any of them may be
// what the others are merged into. Models that do not fit are returned as they are.
func Comparable(models []*Model) ([]*Model, error) {
	for _, m := range models {
		fits := !slices.ContainsFunc(models, func(o *Model) bool { return !o.Difference && !m.Kind.Takes(o.Kind) })
		if fits && !m.Difference {
			return Shared(m.Kind, models)
		}
	}
	return models, nil
}

// cutAll returns what models share with others that stand beside them.
func cutAll(models []*Model) ([]*Model, error) {
	var all []*Model
	for _, m := range models {
		c, err := m.Common()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Common returns what m shares with others that stand beside it in a merge: of an
// inpainting model all but some channels of its first convolution. The two have one
// file, and that of a usual model is the same.
func (m *Model) Common() (*Model, error) {
	if m.Difference {
		return m, nil
	}
	v := &cutView{Container: m.File.Container()}
	changed := false
	for i, t := range v.Container.Tensors() {
		shape, ok := m.Kind.Shared(t.Name, t.Shape)
		if changed = changed || !ok || !slices.Equal(shape, t.Shape); !ok {
			continue
		}
		c := checkpoint.Tensor{Name: t.Name, DType: t.DType, Shape: shape}
		v.tensors, v.of = append(v.tensors, c), append(v.of, i)
	}
	if !changed {
		same := *m
		same.Kind = block.Model{Arch: m.Kind.Arch}
		return &same, nil
	}
	f, err := checkpoint.New(v)
	if err != nil {
		return nil, err
	}
	return &Model{Name: m.Name, File: f, Kind: block.Model{Arch: m.Kind.Arch}}, nil
}

// A cutView shows some tensors of a container, and of some but the first of the
// second dimension.
type cutView struct {
	checkpoint.Container
	tensors []checkpoint.Tensor
	of      []int // where the container has each
}

func (v *cutView) Tensors() []checkpoint.Tensor { return v.tensors }

func (v *cutView) ReadBytes(dst []byte, i int, at int64) error {
	whole := v.Container.Tensors()[v.of[i]]
	if slices.Equal(whole.Shape, v.tensors[i].Shape) {
		return v.Container.ReadBytes(dst, v.of[i], at)
	}
	rows := int64(max(whole.Shape[0], 1))
	return runs(at, int64(len(dst)), whole.Bytes()/rows, v.tensors[i].Bytes()/rows, func(from, n int64) error {
		b := dst[:n]
		dst = dst[n:]
		return v.Container.ReadBytes(b, v.of[i], from)
	})
}

// runs tells use where what is at to at+n here lies there: n at a time, from there
// on. A row of the first dimension is so long there, of which the first part is
// shown, so long here.
func runs(at, n, there, here int64, use func(from, n int64) error) error {
	for end := at + n; at < end; {
		row, off := at/here, at%here
		some := min(end-at, here-off)
		if err := use(row*there+off, some); err != nil {
			return err
		}
		at += some
	}
	return nil
}

// OwnName returns what the file calls a tensor.
func (v *cutView) OwnName(i int) string { return checkpoint.OwnName(v.Container, v.of[i]) }

// Rounding is that of the elements shown.
func (v *cutView) Rounding(i int, at, n int64) (sum float64, is bool, err error) {
	whole := v.Container.Tensors()[v.of[i]]
	if slices.Equal(whole.Shape, v.tensors[i].Shape) {
		return checkpoint.Rounding(v.Container, v.of[i], at, n)
	}
	rows := max(whole.Shape[0], 1)
	err = runs(at, n, int64(whole.Len()/rows), int64(v.tensors[i].Len()/rows), func(from, n int64) (err error) {
		var some float64
		some, is, err = checkpoint.Rounding(v.Container, v.of[i], from, n)
		sum += some
		return err
	})
	return sum, is, err
}

var (
	_ checkpoint.Renamer = (*cutView)(nil)
	_ checkpoint.Rounder = (*cutView)(nil)
)
