package folder

import (
	"mixmatch/merge/checkpoint"
)

// A joined container holds tensors of several others.
type joined struct {
	files   checkpoint.Files
	info    checkpoint.Info
	notes   []string
	tensors []checkpoint.Tensor
	places  []place // of the tensor in the same place
}

// A place is where a tensor is: a file, and its place in that.
type place struct{ file, tensor int }

// add adds a container, which j owns from then on, whose tensors get the prefix.
// Takes says which of them; nil is for all.
func (j *joined) add(c checkpoint.Container, prefix string, takes func(name string) bool) {
	for i, t := range c.Tensors() {
		if takes == nil || takes(t.Name) {
			j.places = append(j.places, place{len(j.files), i})
			j.tensors = append(j.tensors, checkpoint.Tensor{Name: prefix + t.Name, DType: t.DType, Shape: t.Shape})
		}
	}
	j.files = append(j.files, c)
}

func (j *joined) Info() checkpoint.Info        { return j.info }
func (j *joined) Tensors() []checkpoint.Tensor { return j.tensors }

func (j *joined) ReadBytes(dst []byte, i int, at int64) error {
	p := j.places[i]
	return j.files[p.file].ReadBytes(dst, p.tensor, at)
}

func (j *joined) Changed() error { return j.files.Changed() }
func (j *joined) Close() error   { return j.files.Close() }
