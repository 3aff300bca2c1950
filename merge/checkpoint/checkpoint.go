// Package checkpoint reads and writes model files in the safetensors format,
// one tensor at a time.
//
// A [File] is an index over an [io.ReaderAt]: opening reads the header and
// checks it completely, and numbers are read when they are asked for, as
// float32 whatever the file stores. A [Writer] makes a file that appears under
// its name only when it is complete. Neither ever holds a whole model.
//
// The format is 8 bytes that give the length of the header, the header in
// JSON, and the tensors' bytes back to back (github.com/huggingface/safetensors).
// What that project's reader refuses is refused here, and so is what its
// format forbids but JSON readers let pass, such as names that occur twice.
// Nothing in a file is ever executed or used as a path.
package checkpoint

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrFormat is wrapped by every error that means that a file is no sound model
// file: malformed, cut off, unsafe, or something else altogether.
var ErrFormat = errors.New("not a sound model file")

// ErrChanged is wrapped by the errors of a file that is not what it was when
// it was opened.
var ErrChanged = errors.New("changed while in use")

// A formatError wraps ErrFormat without repeating it: its text says more.
type formatError string

func (e formatError) Error() string { return string(e) }
func (e formatError) Unwrap() error { return ErrFormat }

func malformed(format string, args ...any) error {
	return formatError(fmt.Sprintf(format, args...))
}

// A DType is how a file stores a number, by its name in the header.
type DType string

// The number formats that models are merged in. Files may hold others, from
// BOOL to U64, which are only copied.
const (
	F16  DType = "F16"  // IEEE 754 half precision
	BF16 DType = "BF16" // the upper half of a float32
	F32  DType = "F32"
	F64  DType = "F64"
)

// dtypes are all number formats there are, in the reference's order: writers
// sort by it, from the end, so that wide numbers come first and are aligned.
var dtypes = [...]struct {
	name DType
	bits int
}{
	{"BOOL", 8},
	{"F4", 4},
	{"F6_E2M3", 6},
	{"F6_E3M2", 6},
	{"U8", 8},
	{"I8", 8},
	{"F8_E5M2", 8},
	{"F8_E4M3", 8},
	{"F8_E8M0", 8},
	{"F8_E4M3FNUZ", 8},
	{"F8_E5M2FNUZ", 8},
	{"I16", 16},
	{"U16", 16},
	{F16, 16},
	{BF16, 16},
	{"I32", 32},
	{"U32", 32},
	{F32, 32},
	{"C64", 64},
	{F64, 64},
	{"I64", 64},
	{"U64", 64},
}

// rank returns the place of d in dtypes, or -1.
func (d DType) rank() int {
	for i := range dtypes {
		if dtypes[i].name == d {
			return i
		}
	}
	return -1
}

// Bits returns the size of one number, or 0 for an unknown format.
// Some formats are smaller than a byte.
func (d DType) Bits() int {
	if i := d.rank(); i >= 0 {
		return dtypes[i].bits
	}
	return 0
}

// Float reports whether d is one of F16, BF16, F32 and F64: the formats that
// [File.Read] reads.
func (d DType) Float() bool {
	return d == F16 || d == BF16 || d == F32 || d == F64
}

// A Tensor describes one tensor of a [File] or for a [Writer].
type Tensor struct {
	Name  string
	DType DType
	Shape []int // none: a scalar. Row-major, as everywhere

	offset int64 // from the start of the file
	size   int64 // in bytes, for tensors of a file
}

// Len returns the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Bytes returns the number of bytes that the elements take in a file.
func (t Tensor) Bytes() int64 {
	return int64(t.Len())/8*int64(t.DType.Bits()) + int64(t.Len())%8*int64(t.DType.Bits())/8
}

// short quotes a text from a file for a message: on one line, without
// anything that a terminal would act on, and not too long.
func short(s string) string {
	const head, tail = 80, 20
	if len(s) <= head+tail+20 {
		return strconv.Quote(s)
	}
	a, b := head, len(s)-tail
	for a > head-utf8.UTFMax && !utf8.RuneStart(s[a]) {
		a--
	}
	for b < len(s) && !utf8.RuneStart(s[b]) {
		b++
	}
	return fmt.Sprintf("%q...%q (%d bytes)", s[:a], s[b:], len(s))
}
