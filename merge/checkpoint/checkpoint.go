// Package checkpoint says what a model file is to the rest of the program:
// tensors by name, whose numbers are read in parts, as float32 whatever is
// stored.
//
// A [Container] is what a file format, or several files together, or a file
// under other names, must be able to do; the packages below this one have one
// each. A [File] is a container with all that follows from it. Neither ever
// holds a whole model. Nothing in a file is ever executed or used as a path.
package checkpoint

import (
	"errors"
	"fmt"
	"time"

	"mixmatch/merge/safetext"
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

// Malformed returns an error of that text, which wraps [ErrFormat].
func Malformed(format string, args ...any) error {
	return formatError(fmt.Sprintf(format, args...))
}

// A Container holds tensors. Its methods may be used concurrently, but for
// Close.
type Container interface {
	// Info returns what is known of it but for the tensors.
	Info() Info

	// Tensors returns the tensors, in any order, each name once. They are
	// always the same, and nobody changes them.
	Tensors() []Tensor

	// ReadBytes sets dst to the bytes of tensor i of Tensors from byte at on:
	// row-major and little-endian. The range is within the tensor. The error
	// wraps [ErrChanged] if the file was cut off after it was opened.
	ReadBytes(dst []byte, i int, at int64) error

	// Changed returns an error that wraps [ErrChanged] if a file is no longer
	// what it was when it was opened.
	Changed() error

	Close() error
}

// A Renamer is a container that shows tensors of files under names that these do
// not have.
type Renamer interface {
	Container

	// OwnName returns what the files call tensor i of Tensors: the names of all
	// tensors that it is made of, joined by " + ".
	OwnName(i int) string
}

// A Rounder is a container that may show numbers in another format than the one in
// which they were stored.
type Rounder interface {
	Container

	// Rounding returns what storing elements at to at+n of tensor i of Tensors once
	// adds to a squared distance, as [DType.Rounding] does; false is for those whose
	// format is the one that is shown.
	Rounding(i int, at, n int64) (float64, bool, error)
}

// OwnName returns what the files call tensor i of c: its name, if c is no [Renamer].
// A container that shows tensors of another must be one, and ask that so.
func OwnName(c Container, i int) string {
	if r, ok := c.(Renamer); ok {
		return r.OwnName(i)
	}
	return c.Tensors()[i].Name
}

// Rounding is that of c as a [Rounder], and false if it is none. A container that
// shows tensors of another must be one, and ask that so.
func Rounding(c Container, i int, at, n int64) (float64, bool, error) {
	if r, ok := c.(Rounder); ok {
		return r.Rounding(i, at, n)
	}
	return 0, false, nil
}

// Info is what is known of a container.
type Info struct {
	Path     string            // as it was opened, "" if it was not opened by a path
	Files    []string          // the paths of all files that it is made of; none means Path alone
	Format   string            // such as "safetensors"
	Metadata map[string]string // texts that it carries; data from a file: escape it
	Stamp    Stamp
	Notes    []string  // what was assumed, or passed over
	Dialects []Dialect // how the file spells the names of tensors; none if as single files do
}

// A Dialect is how a file spells the names of one part's tensors.
type Dialect struct {
	Part   string `json:"part"`   // such as "UNet"
	Names  string `json:"names"`  // whose names they are, such as "diffusers"
	Prefix string `json:"prefix"` // what is in front of them in the file; data from it: escape it
}

// A Stamp tells whether a file is the same as at another time.
type Stamp struct {
	Size    int64     // in bytes, of all files of the container
	ModTime time.Time // UTC, the latest; zero if it was not opened by a path
	Header  string    // SHA-256, in hex, of all that says where which tensor lies
}

// A Tensor describes one tensor of a [File] or for a writer.
type Tensor struct {
	Name  string
	DType DType
	Shape []int // none: a scalar. Row-major, as everywhere

	index int // in the file's tensors
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

// Short quotes a text from a file for a message.
func Short(s string) string { return safetext.Quote(s) }
