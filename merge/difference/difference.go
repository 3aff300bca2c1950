// Package difference reads and writes what is no model but a change to one: LoRA
// files and their kin, and whole tensors.
//
// [Read] reads a file of any layout that people have (kohya's sd-scripts,
// LyCORIS, PEFT and diffusers) into the changes that it holds, and [File.Expand]
// gives the difference that they make to one model, as a container of the model's
// tensors. [WriteLoRA] writes kohya's layout, and [Write] whole tensors, one at a
// time.
//
// The package knows how a change is stored and what its parts are called. Where
// the change comes from is for the caller to know.
package difference

import (
	"context"
	"errors"
	"fmt"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/vec"
)

// ErrOverflow is wrapped when numbers do not fit the format of the file.
var ErrOverflow = errors.New("values too large for the output's numbers")

// A Tensor is one tensor to be written. Read gives its numbers, or Bytes what is
// copied as it is stored; one of the two is nil.
type Tensor struct {
	Name  string
	DType checkpoint.DType
	Shape []int
	Read  func(dst []float32, at int) error // elements from at on
	Bytes func(dst []byte, at int64) error  // bytes from at on
}

// Options are the choices of [Write]. The zero value writes what the tensors say
// and refuses to replace a file.
type Options struct {
	Metadata map[string]string
	Force    bool // replace an existing file
	Progress func(done, total int64)
}

// chunk is how many elements are under way at a time.
const chunk = 1 << 20

// Write writes tensors to path, a few megabytes at a time. The file appears
// under its name only when it is complete. The error wraps [ErrOverflow] and
// names the tensor if a number becomes infinite, or is not finite to begin with.
func Write(ctx context.Context, path string, tensors []Tensor, o Options) error {
	heads := make([]checkpoint.Tensor, len(tensors))
	byName := make(map[string]*Tensor, len(tensors))
	var done, total int64
	for i := range tensors {
		t := &tensors[i]
		if t.Bytes == nil && !t.DType.Float() {
			return fmt.Errorf("%s: tensor %q: cannot write numbers as %s", path, t.Name, t.DType)
		}
		heads[i] = checkpoint.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape}
		byName[t.Name] = t
		total += heads[i].Bytes()
	}
	w, err := safetensors.Create(path, heads, o.Metadata, o.Force)
	if err != nil {
		return err
	}
	defer w.Abort()
	x, b := make([]float32, chunk), make([]byte, 8*chunk)
	for _, head := range w.Tensors() {
		t := byName[head.Name]
		for at, n := int64(0), int64(0); at < head.Bytes(); at += n {
			if err := ctx.Err(); err != nil {
				return err
			}
			n = min(int64(chunk*head.DType.Bits()/8), head.Bytes()-at)
			if t.Bytes != nil {
				err = t.Bytes(b[:n], at)
			} else {
				width := int64(head.DType.Bits() / 8)
				part := x[:n/width]
				if err = t.Read(part, int(at/width)); err == nil {
					err = narrow(b[:n], head.DType, part)
				}
			}
			if err != nil {
				return fmt.Errorf("%s: tensor %q: %w", path, head.Name, err)
			}
			if _, err := w.Write(b[:n]); err != nil {
				return err
			}
			done += n
			if o.Progress != nil {
				o.Progress(done, total)
			}
		}
	}
	return w.Commit()
}

// narrow stores x in b as dtype, and changes x to what a reader will see.
func narrow(b []byte, dtype checkpoint.DType, x []float32) error {
	dtype.Narrow(b, x)
	dtype.Round(x)
	if vec.Finite(x) > 0 {
		return fmt.Errorf("%w: save as fp32 or bf16 instead", ErrOverflow)
	}
	return nil
}
