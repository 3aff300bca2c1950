package checkpoint

import (
	"bytes"
	"context"
	"slices"
)

// Equal reports whether f and o have the same tensors, to the byte, whatever kinds of
// files they are. It reads as far as they are alike: both whole if they are equal.
func (f *File) Equal(ctx context.Context, o *File) (bool, error) {
	a, b := f.Tensors(), o.Tensors()
	if !slices.EqualFunc(a, b, func(x, y Tensor) bool {
		return x.Name == y.Name && x.DType == y.DType && slices.Equal(x.Shape, y.Shape)
	}) {
		return false, nil
	}
	x, y := make([]byte, readSize), make([]byte, readSize)
	for i := range a {
		for at, size := int64(0), a[i].Bytes(); at < size; {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			n := min(readSize, size-at)
			if err := f.ReadBytes(x[:n], a[i], at); err != nil {
				return false, err
			}
			if err := o.ReadBytes(y[:n], b[i], at); err != nil {
				return false, err
			}
			if !bytes.Equal(x[:n], y[:n]) {
				return false, nil
			}
			at += n
		}
	}
	return true, nil
}
