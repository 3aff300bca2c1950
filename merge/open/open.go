// Package open opens model files, whatever format they are in and whatever they call
// their tensors: what is in a file decides, never its name.
package open

import (
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/folder"
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
const headLen = 4096

// container opens what is at path: a folder, an index of shards, or a file.
func container(path string) (checkpoint.Container, error) {
	if folder.IsModel(path) {
		return folder.Open(path, single)
	}
	head, size, err := begin(path)
	if err != nil {
		return nil, err
	}
	if folder.RecognizesIndex(head) {
		return folder.OpenIndex(path, single)
	}
	return as(path, head, size)
}

// single opens one file.
func single(path string) (checkpoint.Container, error) {
	head, size, err := begin(path)
	if err != nil {
		return nil, err
	}
	return as(path, head, size)
}

// as opens a file by how it begins.
func as(path string, head []byte, size int64) (checkpoint.Container, error) {
	for _, f := range formats {
		if f.is(head, size) {
			return f.open(path)
		}
	}
	// None of them: the one for safetensors says what is wrong.
	return safetensors.OpenContainer(path)
}

// begin returns the beginning of a file, and its size.
func begin(path string) ([]byte, int64, error) {
	d, err := checkpoint.OpenDisk(path)
	if err != nil {
		return nil, 0, err
	}
	defer d.Close()
	head := make([]byte, min(d.Size(), headLen))
	if err := checkpoint.ReadFull(d, head, 0); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return head, d.Size(), nil
}
