package dialect

import (
	"bytes"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// A view shows tensors of files.
type view struct {
	files   checkpoint.Files
	info    checkpoint.Info
	tensors []checkpoint.Tensor
	made    []tensor // each of tensors
}

// view makes the tensors of the names that were given.
func (m *model) view() (*view, error) {
	m.passed = map[int][]string{}
	v := &view{files: m.files}
	for _, name := range m.order {
		t, ok, err := m.assemble(name)
		if err != nil {
			return nil, err
		}
		if ok {
			v.tensors = append(v.tensors, checkpoint.Tensor{Name: name, DType: t.dtype, Shape: t.shape})
			v.made = append(v.made, t)
		}
	}
	return v, nil
}

// assemble returns the tensor called name, and false if nothing claims the name any
// more.
func (m *model) assemble(name string) (tensor, bool, error) {
	var all []tensor
	var parts [][]tensor
	for _, c := range m.claims[name] {
		switch {
		case c.of > 0:
			for len(parts) < c.of {
				parts = append(parts, nil)
			}
			parts[c.piece] = append(parts[c.piece], c.tensor)
		case c.transposed:
			all = append(all, c.transpose())
		case c.swapped:
			all = append(all, c.swap())
		default:
			all = append(all, c.tensor)
		}
	}
	var joined pieces
	for _, same := range parts {
		t, err := m.one(name, same)
		if err != nil {
			return tensor{}, false, err
		}
		joined = append(joined, t)
	}
	if joined != nil {
		t, err := m.concat(name, joined)
		if err != nil {
			return tensor{}, false, err
		}
		all = append(all, t)
	}
	if len(all) == 0 {
		return tensor{}, false, nil
	}
	t, err := m.one(name, all)
	return t, err == nil, err
}

// transpose returns the matrix c with rows and columns exchanged.
func (c claim) transpose() tensor {
	t := c.tensor
	t.from = transposed{t.from, t.shape[0], t.shape[1], t.dtype.Bits() / 8}
	t.shape = []int{t.shape[1], t.shape[0]}
	return t
}

// swap returns c with the second half of its rows first.
func (c claim) swap() tensor {
	t, half := c.tensor, c.tensor
	half.shape = slices.Clone(t.shape)
	half.shape[0] /= 2
	first, second := half, half
	first.from, second.from = behind{t.from, half.bytes()}, behind{t.from, 0}
	t.from = pieces{first, second}
	return t
}

// concat returns the tensors in p, one behind the other along the first dimension.
func (m *model) concat(name string, p pieces) (tensor, error) {
	t := p[0]
	t.shape, t.from = slices.Clone(t.shape), p
	for _, next := range p[1:] {
		if next.dtype != t.dtype || len(next.shape) != len(t.shape) || len(t.shape) == 0 || !slices.Equal(next.shape[1:], t.shape[1:]) {
			return tensor{}, m.named(next.file, checkpoint.Malformed("tensors %s (%s %v) and %s (%s %v) are parts of one, %s, but do not fit together",
				checkpoint.Short(p[0].own), p[0].dtype, p[0].shape, checkpoint.Short(next.own), next.dtype, next.shape, checkpoint.Short(name)))
		}
		t.shape[0] += next.shape[0]
		t.own += " + " + next.own
	}
	return t, nil
}

// one returns the first of several tensors that are all to be called name, if it
// does not matter which it is.
func (m *model) one(name string, all []tensor) (tensor, error) {
	a := all[0]
	for _, b := range all[1:] {
		if a.file != b.file {
			first, second := m.paths[a.file], m.paths[b.file]
			if part := block.PartOf(name); part != block.Other {
				return a, fmt.Errorf("%w: %s and %s both hold a %s (%s): name one of each part", ErrTwice, first, second, part, checkpoint.Short(name))
			}
			m.passed[b.file] = append(m.passed[b.file], b.own)
			continue
		}
		same, err := equal(a, b)
		if err != nil {
			return a, m.named(a.file, err)
		}
		if !same {
			return a, m.named(a.file, fmt.Errorf("%w: %s and %s are one tensor under two names, and differ: remove one of them", ErrTwice, checkpoint.Short(a.own), checkpoint.Short(b.own)))
		}
		m.twice = append(m.twice, [2]string{a.own, b.own})
	}
	return a, nil
}

// equal reports whether two tensors are the same, to the bit.
func equal(a, b tensor) (bool, error) {
	if a.dtype != b.dtype || !slices.Equal(a.shape, b.shape) {
		return false, nil
	}
	size := a.bytes()
	x, y := make([]byte, min(size, 1<<20)), make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(x)) {
		n := min(size-at, int64(len(x)))
		if err := a.from.read(x[:n], at); err != nil {
			return false, err
		}
		if err := b.from.read(y[:n], at); err != nil {
			return false, err
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
	}
	return true, nil
}

func (v *view) Info() checkpoint.Info        { return v.info }
func (v *view) Tensors() []checkpoint.Tensor { return v.tensors }

func (v *view) ReadBytes(dst []byte, i int, at int64) error { return v.made[i].from.read(dst, at) }

func (v *view) Rounding(i int, at, n int64) (float64, bool, error) {
	r, ok := v.made[i].from.(rounded)
	width := v.tensors[i].DType.Bits() / 8
	if !ok || width == 0 {
		return 0, false, nil
	}
	return r.rounding(at, n, width)
}

func (v *view) OwnName(i int) string { return v.made[i].own }

func (v *view) Changed() error { return v.files.Changed() }
func (v *view) Close() error   { return v.files.Close() }

var (
	_ checkpoint.Renamer = (*view)(nil)
	_ checkpoint.Rounder = (*view)(nil)
	_ checkpoint.Rounder = (*scaled)(nil)
)
