// Package torch reads the model files that PyTorch's torch.save writes: .ckpt,
// .pt, .pth and .bin, since version 1.6 zip archives, before that pickles with
// the numbers behind them.
//
// Both hold a pickle, which is a program in Python's hands. Here it is read for
// what it says of tensors and never executed; package pickle could not. What it
// may ask for is a short list (globals.go). A file that asks for anything else is
// refused by name, for it is malicious or no model.
//
// Opening reads the pickle and where things lie. Numbers are read when they are
// asked for, straight from the file, and no more of them than that, also where a
// tensor is a view of another: transposed, expanded, or part of it.
package torch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/torch/pickle"
)

// What [checkpoint.Info] calls the formats.
const (
	Zip    = "torch zip"
	Legacy = "torch legacy"
)

// A container is an open file.
type container struct {
	r       io.ReaderAt
	disk    *checkpoint.DiskFile // nil for a file that [New] opened
	info    checkpoint.Info
	tensors []checkpoint.Tensor
	views   []view // of the tensor in the same place
}

// A storage is a run of numbers in a file, of which tensors are views.
type storage struct {
	key      string
	at, size int64     // in bytes
	sum      *checksum // nil if the file has none
}

// Open opens the file at path, whatever its name says. The error wraps
// [checkpoint.ErrFormat] if it is no sound model file, and then says what it is
// instead, if that can be told; otherwise it is the operating system's.
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

// contents are what a file holds, before it is known which of it is the model.
type contents struct {
	root     pickle.Value
	storages map[string]*storage
}

// open reads all of the size-byte file but the numbers, and checks it: after it
// no tensor can be out of bounds.
func (c *container) open(size int64) error {
	c.info.Stamp.Size = size
	head := make([]byte, min(max(size, 0), headLen))
	if err := c.fill(head, 0); err != nil {
		return err
	}
	sum := sha256.New()
	var in *contents
	var err error
	switch kind(head) {
	case Zip:
		c.info.Format = Zip
		in, err = c.openZip(size, sum)
	case Legacy:
		c.info.Format = Legacy
		in, err = c.openLegacy(size, sum)
	default:
		err = checkpoint.Malformed("not a file that torch.save writes")
	}
	if err != nil {
		return err
	}
	named, notes, err := stateDict(in.root)
	if err != nil {
		return err
	}
	c.info.Notes = notes
	c.tensors, c.views = make([]checkpoint.Tensor, len(named)), make([]view, len(named))
	r := rebuilder{storages: in.storages}
	for i, n := range named {
		if c.tensors[i], c.views[i], err = r.tensor(n); err != nil {
			return err
		}
		t, v := c.tensors[i], c.views[i]
		fmt.Fprintf(sum, "%q %s %d %d %d\n", t.Name, t.DType, t.Shape, v.storage.at+v.begin, v.strides)
	}
	c.info.Stamp.Header = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// fill sets p to the bytes of the file from at on.
func (c *container) fill(p []byte, at int64) error { return checkpoint.ReadFull(c.r, p, at) }

// hash adds the size bytes from at on to w.
func (c *container) hash(w io.Writer, at, size int64) error {
	b := make([]byte, min(size, 256<<10))
	for size > 0 {
		b = b[:min(size, int64(len(b)))]
		if err := c.fill(b, at); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		at, size = at+int64(len(b)), size-int64(len(b))
	}
	return nil
}

// unpickle reads the pickle at byte from, which ends before byte end. First it
// refuses what asks for anything that a model does not need, even if all else is
// wrong with it; then it hears sound, unless that is nil; then the rest.
func (c *container) unpickle(from, end int64, sound func() error) (*pickle.Pickle, error) {
	p, err := pickle.Read(c.fill, from, end)
	if err := refuse(p.Globals); err != nil {
		return nil, err
	}
	if sound != nil {
		if err := sound(); err != nil {
			return nil, err
		}
	}
	if bad, ok := errors.AsType[*pickle.Error](err); ok {
		if bad.Cut && end == c.info.Stamp.Size {
			return nil, checkpoint.Malformed("cut off within the pickle at byte %d: download it again", from)
		}
		return nil, checkpoint.Malformed("malformed pickle: %v", bad)
	}
	return p, err
}

func (c *container) Info() checkpoint.Info        { return c.info }
func (c *container) Tensors() []checkpoint.Tensor { return c.tensors }

func (c *container) ReadBytes(dst []byte, i int, at int64) error {
	v := &c.views[i]
	if v.strides != nil {
		return v.gather(c.fill, dst, at)
	}
	begin := v.begin + at
	if err := c.fill(dst, v.storage.at+begin); err != nil {
		return err
	}
	return v.storage.sum.add(begin, dst)
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
