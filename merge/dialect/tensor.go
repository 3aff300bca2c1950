package dialect

import (
	"mixmatch/merge/checkpoint"
)

// A source reads the bytes of a tensor that is made of others.
type source interface {
	read(dst []byte, at int64) error
}

// A rounded source knows better than the format that is shown what rounding its
// numbers added.
type rounded interface {
	// rounding is that of [checkpoint.Rounder], for a format of so many bytes.
	rounding(at, n int64, width int) (float64, bool, error)
}

// A tensor is one that is shown: what it is like, what the files call it, and
// where its bytes come from.
type tensor struct {
	file  int // the first that it is of
	own   string
	dtype checkpoint.DType
	shape []int
	from  source
}

func (t *tensor) bytes() int64 {
	return checkpoint.Tensor{DType: t.dtype, Shape: t.shape}.Bytes()
}

// tensor returns tensor i of a file as it is.
func (m *model) tensor(file, i int) tensor {
	t := m.tensors[file][i]
	return tensor{file, t.Name, t.DType, t.Shape, whole{m.files[file], i}}
}

// whole is a tensor of a container.
type whole struct {
	c checkpoint.Container
	i int
}

func (w whole) read(dst []byte, at int64) error { return w.c.ReadBytes(dst, w.i, at) }

func (w whole) rounding(at, n int64, _ int) (float64, bool, error) {
	return checkpoint.Rounding(w.c, w.i, at, n)
}

// behind is what lies behind the first bytes of another source.
type behind struct {
	source
	begin int64
}

func (b behind) read(dst []byte, at int64) error { return b.source.read(dst, b.begin+at) }

func (b behind) rounding(at, n int64, width int) (float64, bool, error) {
	if r, ok := b.source.(rounded); ok {
		return r.rounding(b.begin/int64(width)+at, n, width)
	}
	return 0, false, nil
}

// pieces are several tensors, one behind the other.
type pieces []tensor

func (p pieces) read(dst []byte, at int64) error {
	for i := range p {
		size := p[i].bytes()
		if at >= size {
			at -= size
			continue
		}
		n := min(int64(len(dst)), size-at)
		if err := p[i].from.read(dst[:n], at); err != nil {
			return err
		}
		if dst, at = dst[n:], 0; len(dst) == 0 {
			return nil
		}
	}
	return nil
}

// rounding is known if that of each piece is: they are all of one kind.
func (p pieces) rounding(at, n int64, width int) (float64, bool, error) {
	sum := 0.0
	for i := range p {
		size := p[i].bytes() / int64(width)
		if at >= size {
			at -= size
			continue
		}
		r, ok := p[i].from.(rounded)
		if n == 0 || !ok {
			return sum, ok, nil
		}
		some, is, err := r.rounding(at, min(n, size-at), width)
		if err != nil || !is {
			return 0, is, err
		}
		sum += some
		n -= min(n, size-at)
		at = 0
	}
	return sum, true, nil
}

// transposed is a matrix of rows x columns numbers of width bytes, whose columns
// are the rows of what is shown.
type transposed struct {
	from                 source
	rows, columns, width int
}

// The most bytes of a matrix that is transposed: ten times the largest that is
// known, since each part of it that is read takes a pass through all of it.
const maxTransposed = 64 << 20

// Bytes of the matrix that are read at a time.
const bandSize = 256 << 10

// read goes through the whole matrix, a band of rows at a time, and takes from it
// what falls into the range.
func (t transposed) read(dst []byte, at int64) error {
	if len(dst) == 0 {
		return nil
	}
	line := t.columns * t.width
	band := make([]byte, max(1, min(t.rows, bandSize/line))*line)
	shown := int64(t.rows) * int64(t.width) // bytes of a row of what is shown
	end := at + int64(len(dst))
	for row := 0; row < t.rows; row += len(band) / line {
		b := band[:min(len(band), (t.rows-row)*line)]
		if err := t.from.read(b, int64(row)*int64(line)); err != nil {
			return err
		}
		for c := at / shown; c*shown < end; c++ {
			for r := range len(b) / line {
				to := c*shown + int64(row+r)*int64(t.width) - at
				for i, v := range b[r*line+int(c)*t.width:][:t.width] {
					if j := to + int64(i); 0 <= j && j < int64(len(dst)) {
						dst[j] = v
					}
				}
			}
		}
	}
	return nil
}
