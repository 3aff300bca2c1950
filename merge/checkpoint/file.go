package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
)

// A File is an open checkpoint. Its methods may be used concurrently.
type File struct {
	container Container
	info      Info
	tensors   []Tensor // by name
	order     []int32  // of each in the container; nil if that has them by name
}

// New returns the file in c, which it owns from then on, with the slice of its
// tensors. The error wraps [ErrFormat] if a name occurs twice; c is closed then.
func New(c Container) (*File, error) {
	f := &File{container: c, info: c.Info(), tensors: c.Tensors()}
	name := func(i int) string { return f.tensors[i].Name }
	if !sort.SliceIsSorted(f.tensors, func(i, j int) bool { return name(i) < name(j) }) {
		f.order = make([]int32, len(f.tensors))
		for i := range f.order {
			f.order[i] = int32(i)
		}
		slices.SortFunc(f.order, func(a, b int32) int { return cmp.Compare(name(int(a)), name(int(b))) })
		sorted := make([]Tensor, len(f.tensors))
		for i, at := range f.order {
			sorted[i] = f.tensors[at]
		}
		f.tensors = sorted
	}
	for i := range f.tensors {
		if i > 0 && name(i-1) == name(i) {
			c.Close()
			err := Malformed("tensor %s occurs twice", Short(name(i)))
			if f.info.Path != "" {
				err = fmt.Errorf("%s: %w", f.info.Path, err)
			}
			return nil, err
		}
		f.tensors[i].index = i
	}
	return f, nil
}

// Container returns what the file is made of, for other views of it.
func (f *File) Container() Container { return f.container }

// Path returns the name that f was opened by, or "".
func (f *File) Path() string { return f.info.Path }

// Files returns the paths of all files that f is made of, none if it was not opened
// by a path.
func (f *File) Files() []string { return f.info.files() }

func (i Info) files() []string {
	if i.Files == nil && i.Path != "" {
		return []string{i.Path}
	}
	return i.Files
}

// Format returns the name of the file's format, such as "safetensors".
func (f *File) Format() string { return f.info.Format }

// Size returns the size of the file in bytes.
func (f *File) Size() int64 { return f.info.Stamp.Size }

// Notes returns what was assumed or passed over when the file was opened.
func (f *File) Notes() []string { return f.info.Notes }

// Tensors returns the tensors, sorted by name. There may be none.
// The caller must not change them.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor returns the tensor called name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := slices.BinarySearchFunc(f.tensors, name, func(t Tensor, name string) int {
		return cmp.Compare(t.Name, name)
	})
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Metadata returns a copy of the texts that the file carries. It is data
// from a file: escape it wherever it is shown.
func (f *File) Metadata() map[string]string { return maps.Clone(f.info.Metadata) }

// Dialects returns how the file spells the names of tensors, for the parts that
// it spells otherwise than single files do. It is data from a file: escape it.
func (f *File) Dialects() []Dialect { return f.info.Dialects }

// OwnName returns what the file calls t, or its parts if it is of several. It is
// data from a file: escape it.
func (f *File) OwnName(t Tensor) string {
	if t.index < len(f.tensors) && f.tensors[t.index].Name == t.Name {
		return OwnName(f.container, f.place(t))
	}
	return t.Name
}

// place returns where the container has t.
func (f *File) place(t Tensor) int {
	if f.order != nil {
		return int(f.order[t.index])
	}
	return t.index
}

// Stamp returns what tells f from another version of it.
func (f *File) Stamp() Stamp { return f.info.Stamp }

// Changed returns an error that wraps [ErrChanged] if the file is no longer
// what it was when it was opened.
func (f *File) Changed() error { return f.container.Changed() }

// Close closes the file.
func (f *File) Close() error { return f.container.Close() }

// The most bytes that are read at a time: a reused buffer of this size stays
// in the processor's cache while its numbers are widened.
const readSize = 256 << 10

// Read sets dst to the elements of t from position at on, as float32: F64
// numbers are rounded, the others are exact. Formats that are not computed with
// are an error.
//
// The stored bytes pass through scratch, whatever its length, if its capacity
// is worth it; otherwise Read makes its own. The error wraps [ErrChanged] if
// the file was cut off after it was opened.
func (f *File) Read(dst []float32, scratch []byte, t Tensor, at int) error {
	format := t.DType.format()
	if format == nil || format.widen == nil {
		return f.named(t, fmt.Errorf("%s numbers are not read as floating point", t.DType))
	}
	width := format.bits / 8
	if n := int64(t.Len()); at < 0 || int64(at) > n || int64(len(dst)) > n-int64(at) {
		return f.named(t, fmt.Errorf("elements %d to %d are out of range", at, at+len(dst)))
	}
	if scratch = scratch[:cap(scratch)]; len(scratch) < min(len(dst)*width, 4096) {
		scratch = make([]byte, min(len(dst)*width, readSize))
	}
	begin := int64(at) * int64(width)
	for len(dst) > 0 {
		n := min(len(dst), min(len(scratch), readSize)/width)
		b := scratch[:n*width]
		if err := f.ReadBytes(b, t, begin); err != nil {
			return err
		}
		format.widen(dst[:n], b)
		dst, begin = dst[n:], begin+int64(len(b))
	}
	return nil
}

// ReadBytes sets dst to the bytes of t from byte at on, row-major and
// little-endian. The error wraps [ErrChanged] if the file was cut off after it
// was opened.
func (f *File) ReadBytes(dst []byte, t Tensor, at int64) error {
	if t.index >= len(f.tensors) || f.tensors[t.index].Name != t.Name {
		return f.named(t, errors.New("not a tensor of this file"))
	}
	if size := f.tensors[t.index].Bytes(); at < 0 || at > size || int64(len(dst)) > size-at {
		return f.named(t, fmt.Errorf("bytes %d to %d are out of range", at, at+int64(len(dst))))
	}
	if err := f.container.ReadBytes(dst, f.place(t), at); err != nil {
		return f.named(t, err)
	}
	return nil
}

// Rounding returns what storing the numbers of t from position at on, whose bytes b
// are, adds to a squared distance, as [DType.Rounding] does: also where they were
// stored in another format than t has.
func (f *File) Rounding(b []byte, t Tensor, at int) (float64, error) {
	sum, is, err := Rounding(f.container, f.place(t), int64(at), int64(len(b))*8/int64(t.DType.Bits()))
	if err != nil {
		return 0, f.named(t, err)
	}
	if is {
		return sum, nil
	}
	return t.DType.Rounding(b), nil
}

// Quote returns the name of t for a message, and what the file calls it if that is
// something else.
func (f *File) Quote(t Tensor) string {
	name := Short(t.Name)
	if own := f.OwnName(t); own != t.Name {
		name += " (in the file " + Short(own) + ")"
	}
	return name
}

// named adds to err what it is about.
func (f *File) named(t Tensor, err error) error {
	name := f.Quote(t)
	if f.info.Path == "" {
		return fmt.Errorf("tensor %s: %w", name, err)
	}
	return fmt.Errorf("%s: tensor %s: %w", f.info.Path, name, err)
}
