// Package open opens model files, whatever format they are in and whatever they call
// their tensors: what is in a file decides, never its name.
package open

import (
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/checkpoint/torch"
	"mixmatch/merge/dialect"
)

// A format is a kind of model file.
type format struct {
	// is reports whether a file of the kind, of size bytes, may begin with head.
	is   func(head []byte, size int64) bool
	open func(path string) (checkpoint.Container, error)
}

// formats are the kinds of files that are read, in the order in which they are
// tried.
var formats = []format{
	{safetensors.Recognizes, safetensors.OpenContainer},
	{torch.Recognizes, torch.OpenContainer},
}

// File opens the model at path, which may be of several files ([Paths]). Its tensors
// have the names of single files ([dialect.New]).
//
// The error wraps [checkpoint.ErrFormat] if it is no sound model file, and then
// says what it is instead, if that can be told; [dialect.ErrTwice] if it holds a
// part or a tensor twice, with different numbers; otherwise it is the operating
// system's.
func File(path string) (*checkpoint.File, error) {
	var files checkpoint.Files
	for _, p := range Paths(path) {
		c, err := container(p)
		if err != nil {
			files.Close()
			return nil, err
		}
		files = append(files, c)
	}
	f, err := file(files)
	if err != nil {
		files.Close()
		if len(files) == 1 {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return nil, err
	}
	return f, nil
}

func file(files checkpoint.Files) (*checkpoint.File, error) {
	c, err := dialect.New(files...)
	if err != nil {
		return nil, err
	}
	return checkpoint.New(c)
}

// headLen is how much of a file's beginning tells its format.
const headLen = 1024

func container(path string) (checkpoint.Container, error) {
	d, err := checkpoint.OpenDisk(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, min(d.Size(), headLen))
	err = checkpoint.ReadFull(d, head, 0)
	d.Close()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, f := range formats {
		if f.is(head, d.Size()) {
			return f.open(path)
		}
	}
	// None of them: the one for safetensors says what is wrong.
	return safetensors.OpenContainer(path)
}
