// Package safetensors reads and writes model files in the safetensors format.
//
// The format is 8 bytes that give the length of the header, the header in
// JSON, and the tensors' bytes back to back (github.com/huggingface/safetensors).
// Opening reads the header and checks it completely. What that project's reader
// refuses is refused here, and so is what its format forbids but JSON readers
// let pass, such as names that occur twice.
package safetensors

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"mixmatch/merge/checkpoint"
)

// Format is what [checkpoint.Info] calls the format.
const Format = "safetensors"

// The longest header that the format allows, in bytes.
const maxHeader = 100_000_000

// A container is an open file.
type container struct {
	r       io.ReaderAt
	disk    *checkpoint.DiskFile // nil for a file that [New] opened
	info    checkpoint.Info
	data    int64 // where the header ends
	tensors []checkpoint.Tensor
	spans   []span // of the tensor in the same place
}

// Open opens the safetensors file at path, whatever its name says. The error
// wraps [checkpoint.ErrFormat] if it is no sound model file, and then says what
// it is instead, if that can be told; otherwise it is the operating system's.
func Open(path string) (*checkpoint.File, error) {
	c, err := OpenContainer(path)
	if err != nil {
		return nil, err
	}
	return checkpoint.New(c)
}

// OpenContainer is [Open] for those who want a view of the file.
func OpenContainer(path string) (checkpoint.Container, error) {
	disk, err := checkpoint.OpenDisk(path)
	if err != nil {
		return nil, err
	}
	c := &container{r: disk, disk: disk}
	c.info.Path, c.info.Stamp.ModTime = path, disk.ModTime()
	if err := c.open(disk.Size()); err != nil {
		disk.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// New opens the size-byte file in r, which must allow concurrent reads. Errors
// are as with [Open].
func New(r io.ReaderAt, size int64) (*checkpoint.File, error) {
	c := &container{r: r}
	if err := c.open(size); err != nil {
		return nil, err
	}
	return checkpoint.New(c)
}

// Recognizes reports whether head, the first bytes of a size-byte file, begins
// a safetensors file.
func Recognizes(head []byte, size int64) bool { return recognize(head, size) == nil }

// open reads the header of the size-byte file and checks it against the file:
// after it no tensor can be out of bounds.
func (c *container) open(size int64) error {
	c.info.Format, c.info.Stamp.Size = Format, size
	head := make([]byte, min(max(size, 0), 1024))
	if err := checkpoint.ReadFull(c.r, head, 0); err != nil {
		return err
	}
	if err := recognize(head, size); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint64(head))
	text := make([]byte, n)
	if err := checkpoint.ReadFull(c.r, text, 8); err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(head[:8])
	sum.Write(text)
	c.info.Stamp.Header = hex.EncodeToString(sum.Sum(nil))

	h, err := parseHeader(text)
	if err != nil {
		return err
	}
	if err := h.sort(); err != nil {
		return err
	}
	c.data = 8 + n
	if err := h.place(c.data, size); err != nil {
		return err
	}
	c.tensors, c.spans, c.info.Metadata = h.tensors, h.spans, h.metadata
	c.info.Notes = h.notes()
	return nil
}

func (c *container) Info() checkpoint.Info        { return c.info }
func (c *container) Tensors() []checkpoint.Tensor { return c.tensors }

func (c *container) ReadBytes(dst []byte, i int, at int64) error {
	return checkpoint.ReadFull(c.r, dst, c.data+int64(c.spans[i].begin)+at)
}

func (c *container) Changed() error {
	if c.disk == nil {
		return nil
	}
	return c.disk.Changed()
}

func (c *container) Close() error {
	if c.disk == nil {
		return nil
	}
	return c.disk.Close()
}
