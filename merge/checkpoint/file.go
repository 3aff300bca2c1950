package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"mixmatch/merge/vec"
)

// A File is an open checkpoint. Its methods may be used concurrently.
type File struct {
	r        io.ReaderAt
	file     *os.File // nil for a file that [NewFile] opened
	path     string
	size     int64
	data     int64 // where the header ends
	tensors  []Tensor
	metadata map[string]string
	stamp    Stamp
}

// A Stamp tells whether a file is the same as at another time.
type Stamp struct {
	Size    int64
	ModTime time.Time // UTC, as it was when the file was opened
	Header  string    // SHA-256 of the header and its length, in hex
}

// Open opens the model file at path, whatever its name says. The error wraps
// [ErrFormat] if it is no sound model file, and then says what it is instead,
// if that can be told; otherwise it is the operating system's.
func Open(path string) (*File, error) {
	// Before opening, since opening a pipe waits for its other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{r: file, file: file, path: path}
	if info, err = file.Stat(); err == nil {
		f.size = info.Size()
		f.stamp = Stamp{Size: f.size, ModTime: info.ModTime().UTC()}
		if err = regular(info); err == nil {
			err = f.readIndex()
		}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func regular(info os.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return malformed("a directory: name the one .safetensors file that holds the model")
	case mode&os.ModeNamedPipe != 0:
		return malformed("a pipe: save the model as a file first")
	case mode&os.ModeSocket != 0:
		return malformed("a socket, not a model file")
	case !mode.IsRegular():
		return malformed("a device, not a model file")
	}
	return nil
}

// NewFile opens the size-byte model file in r, which must allow concurrent
// reads. Errors are as with [Open].
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size, stamp: Stamp{Size: size}}
	if err := f.readIndex(); err != nil {
		return nil, err
	}
	return f, nil
}

// Path returns the name that f was opened by, or "" with [NewFile].
func (f *File) Path() string { return f.path }

// Size returns the size of the file in bytes.
func (f *File) Size() int64 { return f.size }

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

// Metadata returns a copy of the texts that the header carries. It is data
// from a file: escape it wherever it is shown.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Stamp returns what tells f from another version of it. ModTime is zero with
// [NewFile].
func (f *File) Stamp() Stamp { return f.stamp }

// Changed returns an error that wraps [ErrChanged] if the file's size or
// modification time is no longer what it was when the file was opened.
// With [NewFile] it cannot tell, and returns nil.
func (f *File) Changed() error {
	if f.file == nil {
		return nil
	}
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if info.Size() != f.stamp.Size {
		return fmt.Errorf("%s: %w: %d bytes, not %d", f.path, ErrChanged, info.Size(), f.stamp.Size)
	}
	if !info.ModTime().Equal(f.stamp.ModTime) {
		return fmt.Errorf("%s: %w: written to at %s", f.path, ErrChanged, info.ModTime().UTC().Format(time.RFC3339))
	}
	return nil
}

// Close closes the file. With [NewFile] it does nothing.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// The most bytes that are read at a time: a reused buffer of this size stays
// in the processor's cache while its numbers are widened.
const readSize = 256 << 10

// Read sets dst to the elements of t from position at on, as float32: F64
// numbers are rounded, the others are exact. Other formats are an error.
//
// The stored bytes pass through scratch, whatever its length, if its capacity
// is worth it; otherwise Read makes its own. The error wraps [ErrChanged] if
// the file was cut off after it was opened.
func (f *File) Read(dst []float32, scratch []byte, t Tensor, at int) error {
	var widen func([]float32, []byte)
	switch t.DType {
	case F16:
		widen = vec.WidenF16
	case BF16:
		widen = vec.WidenBF16
	case F32:
		widen = vec.WidenF32
	case F64:
		widen = vec.WidenF64
	default:
		return f.named(t, fmt.Errorf("%s numbers are not read as floating point", t.DType))
	}
	width := t.DType.Bits() / 8
	if at < 0 || int64(at) > t.size/int64(width) || int64(len(dst)) > t.size/int64(width)-int64(at) {
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
		widen(dst[:n], b)
		dst, begin = dst[n:], begin+int64(len(b))
	}
	return nil
}

// ReadBytes sets dst to the bytes of t from byte at on, as they are stored:
// little-endian. The error wraps [ErrChanged] if the file was cut off after it
// was opened.
func (f *File) ReadBytes(dst []byte, t Tensor, at int64) error {
	if t.offset < f.data || t.size > f.size-t.offset {
		return f.named(t, errors.New("not a tensor of this file"))
	}
	if at < 0 || at > t.size || int64(len(dst)) > t.size-at {
		return f.named(t, fmt.Errorf("bytes %d to %d are out of range", at, at+int64(len(dst))))
	}
	if err := readFull(f.r, dst, t.offset+at); err != nil {
		return f.named(t, err)
	}
	return nil
}

// named adds to err what it is about.
func (f *File) named(t Tensor, err error) error {
	if f.path == "" {
		return fmt.Errorf("tensor %s: %w", short(t.Name), err)
	}
	return fmt.Errorf("%s: tensor %s: %w", f.path, short(t.Name), err)
}
