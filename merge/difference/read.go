package difference

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"mixmatch/merge/checkpoint"
)

// A File is an open file of changes to a model: a LoRA, or one of its kin.
type File struct {
	file    *checkpoint.File
	changes []*change // in the order of the file
	notes   []string
	metadata
}

// Read reads which changes f holds, and takes f over. Their numbers stay in the
// file until they are wanted.
//
// An error wraps [checkpoint.ErrFormat] and names the tensor or the module. What
// Read does not know is an error as well, by name, since the result of leaving
// it out is another change. There are two exceptions: embeddings that are
// bundled with a LoRA, of which a note tells, and a missing alpha, which is the
// rank then, as all programs have it.
func Read(f *checkpoint.File) (*File, error) {
	l := &File{file: f}
	if err := l.read(); err != nil {
		if f.Path() != "" {
			return nil, fmt.Errorf("%s: %w", f.Path(), err)
		}
		return nil, err
	}
	return l, nil
}

func (l *File) read() error {
	byPath := map[path]*change{}
	bundled := 0
	for i := range l.file.Tensors() {
		t := &l.file.Tensors()[i]
		if strings.HasPrefix(t.Name, "bundle_emb.") {
			bundled++
			continue
		}
		module, role, what, ok := splitKey(t.Name)
		if !ok {
			return checkpoint.Malformed("tensor %s is of no kind of LoRA that is known here", checkpoint.Short(t.Name))
		}
		if what != "" {
			return checkpoint.Malformed("tensor %s is of %s", checkpoint.Short(t.Name), what)
		}
		p, ok := pathOf(module)
		if !ok || len(targets(p)) == 0 {
			return checkpoint.Malformed("tensor %s is of no module that is known here", checkpoint.Short(t.Name))
		}
		c := byPath[p]
		if c == nil {
			c = &change{module: module, path: p}
			byPath[p] = c
			l.changes = append(l.changes, c)
		}
		if other := c.tensors[role]; other != nil {
			return checkpoint.Malformed("tensors %s and %s are the same one of one module", checkpoint.Short(other.Name), checkpoint.Short(t.Name))
		}
		c.tensors[role] = t
	}
	if len(l.changes) == 0 {
		return checkpoint.Malformed("no LoRA: no tensor of one")
	}
	if bundled > 0 {
		l.notes = append(l.notes, fmt.Sprintf("%d tensors of embeddings for the prompt, which the LoRA brings along, are left out", bundled))
	}
	note, err := l.metadata.read(l.file)
	if err != nil {
		return err
	}
	if note != "" {
		l.notes = append(l.notes, note)
	}
	for _, c := range l.changes {
		if err := c.check(); err != nil {
			return checkpoint.Malformed("%v", err)
		}
		if err := l.scale(c); err != nil {
			return err
		}
	}
	return nil
}

// scale sets what the product of a change is multiplied with.
func (l *File) scale(c *change) error {
	c.scale = 1
	if c.rank == 0 {
		return nil // what is whole has no rank, and so no scale
	}
	t := c.tensors[alpha]
	if t == nil {
		var err error
		c.scale, err = l.metadata.scale(c)
		return err
	}
	v, err := l.scalar(t)
	if err != nil {
		return err
	}
	c.scale = v / float64(c.rank)
	if v-v != 0 || math.IsInf(float64(float32(c.scale)), 0) {
		return checkpoint.Malformed("tensor %s is %v, which is no alpha", checkpoint.Short(t.Name), v)
	}
	return nil
}

// scalar reads a tensor of one number, which trainers keep as an integer too.
func (l *File) scalar(t *checkpoint.Tensor) (float64, error) {
	if t.Len() != 1 {
		return 0, checkpoint.Malformed("tensor %s is of shape %v; an alpha is one number", checkpoint.Short(t.Name), t.Shape)
	}
	switch {
	case t.DType.Float():
		var x [1]float32
		err := l.file.Read(x[:], nil, *t, 0)
		return float64(x[0]), err
	case t.DType == "I64" || t.DType == "I32" || t.DType == "I16":
		var b [8]byte
		n := t.Bytes()
		if err := l.file.ReadBytes(b[:n], *t, 0); err != nil {
			return 0, err
		}
		left := 64 - 8*n
		return float64(int64(binary.LittleEndian.Uint64(b[:])<<left) >> left), nil
	}
	return 0, checkpoint.Malformed("tensor %s: an alpha of %s numbers", checkpoint.Short(t.Name), t.DType)
}

// Notes returns what was assumed, or left out.
func (l *File) Notes() []string { return l.notes }

// Close closes the file.
func (l *File) Close() error { return l.file.Close() }
