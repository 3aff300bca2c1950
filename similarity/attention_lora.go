package similarity

import "mixmatch/merge/checkpoint"

// WithHeads returns a view of a difference, such as a LoRA, that has all tensors of
// the heads: zeros where it changes nothing. Mixes take it for one model more.
func WithHeads(f *checkpoint.File, heads []Head) (*checkpoint.File, error) {
	v := &withHeads{Container: f.Container(), file: f, tensors: append([]checkpoint.Tensor{}, f.Tensors()...)}
	for _, h := range heads {
		for _, key := range h.keys() {
			if _, ok := f.Tensor(key); !ok {
				v.tensors = append(v.tensors, checkpoint.Tensor{Name: key, DType: checkpoint.F32, Shape: []int{h.Dim, h.Dim}})
			}
		}
	}
	return checkpoint.New(v)
}

type withHeads struct {
	checkpoint.Container
	file    *checkpoint.File
	tensors []checkpoint.Tensor // those of the file, and the zeros behind them
}

func (v *withHeads) Tensors() []checkpoint.Tensor {
	return append([]checkpoint.Tensor{}, v.tensors...)
}

func (v *withHeads) ReadBytes(dst []byte, i int, at int64) error {
	if n := len(v.file.Tensors()); i >= n {
		clear(dst)
		return nil
	}
	return v.file.ReadBytes(dst, v.file.Tensors()[i], at)
}
