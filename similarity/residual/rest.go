// Package residual looks at what the sources of a recipe leave unexplained of a
// target, R = T - sum of w_i S_i: which tensors it lies in, and whether it is a
// LoRA.
//
// A [Rest] gives R one part of a tensor at a time. [Rest.Explain] takes each
// matrix of R apart. A LoRA is not orthogonal to the sources, so the weights that
// least squares found are off by what it has in common with them: they are solved
// again on what lies outside of the LoRA's directions, until they stand still.
package residual

import (
	"fmt"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
)

// A Rest is what a mix of models leaves of a target. It may be used concurrently;
// the models stay the caller's.
type Rest struct {
	Pool    *merge.Pool
	Target  *merge.Model
	Layout  *block.Layout
	Weights [][]float64 // of each block and model, as [merge.Mix] has them

	Root int // the model whose tensors are kept where nothing is merged
	VAE  int // the model that has the target's VAE, or -1 to mix it with BASE

	Grids map[string]string // by key, the grid that the target's values lie on: see [similarity.Products]
}

// A Tensor is one that the target and the pool's first model share.
type Tensor struct {
	Key   string
	Shape []int
	Block block.ID // of the layout, if Governed
	// Governed tells that a block has the tensor; others are the root's.
	Governed bool
}

// Len returns the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Part returns the part of the model that the tensor is of. What has no prefix is
// the network's, since nothing else is among the tensors of a rest.
func (t Tensor) Part() block.Part {
	if part := block.PartOf(t.Key); part != block.Other {
		return part
	}
	return block.UNet
}

// Tensors returns the floating-point tensors of the UNet, the text encoder and
// the VAE that R is of, sorted by key.
func (r *Rest) Tensors() []Tensor {
	var list []Tensor
	for _, key := range r.Pool.Keys() {
		switch r.Layout.Part(key) {
		case block.UNet, block.TextEncoder, block.VAE:
		default:
			continue
		}
		t, ok := r.Target.Tensor(key)
		b, also := r.Pool.Models[0].Tensor(key)
		if !ok || !also || !t.DType.Float() || !b.DType.Float() || t.Len() == 0 || t.Len() != b.Len() {
			continue
		}
		q := Tensor{Key: key, Shape: t.Shape}
		q.Block, q.Governed = r.Layout.Of(key)
		list = append(list, q)
	}
	return list
}

// weights returns the weight of each model in t. They sum to 1 if those of the
// blocks do. A block without weights is the root's, as what has no block.
func (r *Rest) weights(t Tensor) []float64 {
	one := func(i int) []float64 {
		w := make([]float64, len(r.Pool.Models))
		w[i] = 1
		return w
	}
	switch {
	case t.Part() == block.VAE && r.VAE >= 0:
		return one(r.VAE)
	case t.Governed && r.Weights[t.Block] != nil:
		return r.Weights[t.Block]
	}
	return one(r.Root)
}

// with returns r with other weights.
func (r *Rest) with(weights [][]float64) *Rest {
	c := *r
	c.Weights = weights
	return &c
}

// stretch is how many elements of all models are in the cache at a time.
const stretch = 1 << 14

// A Reader reads a rest. It has the buffers of one thread.
type Reader struct {
	r       *Rest
	scratch []byte
	base, x []float32
	sum     []float32
}

// NewReader returns a reader of r.
func (r *Rest) NewReader() *Reader {
	rd := &Reader{r: r, scratch: make([]byte, 8*stretch)}
	rd.base, rd.x, rd.sum = make([]float32, stretch), make([]float32, stretch), make([]float32, stretch)
	return rd
}

// Read sets dst to the elements of R in t from at on: T - B less the weighted
// differences of the other models from B, the first, so that nothing large
// cancels. A model that lacks the tensor counts as B, as it does in a
// [similarity.Gram]. A NaN of a file shows up in dst.
func (rd *Reader) Read(dst []float32, t Tensor, at int) error {
	w := rd.r.weights(t)
	over := 1.0 // rounded weights need not sum to 1 exactly
	for _, v := range w[:len(w)-rd.r.Pool.Differences()] {
		over -= v
	}
	for len(dst) > 0 {
		n := min(len(dst), stretch)
		part, base := dst[:n], rd.base[:n]
		if err := rd.model(base, rd.r.Pool.Models[0], t, at); err != nil {
			return err
		}
		if err := rd.model(part, rd.r.Target, t, at); err != nil {
			return err
		}
		vec.Sub(part, base)
		for i := 1; i < len(w); i++ {
			if w[i] == 0 || !has(rd.r.Pool.Models[i], t.Key) {
				continue
			}
			x := rd.x[:n]
			if err := rd.model(x, rd.r.Pool.Models[i], t, at); err != nil {
				return err
			}
			if !rd.r.Pool.Models[i].Difference {
				vec.Sub(x, base)
			}
			rd.subtract(part, x, w[i])
		}
		if over > 1e-12 || over < -1e-12 {
			rd.subtract(part, base, -over)
		}
		dst, at = dst[n:], at+n
	}
	return nil
}

// subtract takes a times x from dst.
func (rd *Reader) subtract(dst, x []float32, a float64) {
	sum := rd.sum[:len(dst)]
	vec.Combine(sum, []float32{1, float32(-a)}, [][]float32{dst, x})
	copy(dst, sum)
}

// Row sets dst to elements of row i of a [similarity.Gram]: the pool's first
// model for i = 0, then the differences of the others from it, those that are no
// models but differences as they are, and the target's in the end.
func (rd *Reader) Row(dst []float32, t Tensor, i, at int) error {
	first := rd.r.Pool.Models[0]
	if i == 0 {
		return rd.model(dst, first, t, at)
	}
	m := rd.r.Target
	if i < len(rd.r.Pool.Models) {
		m = rd.r.Pool.Models[i]
	}
	if !has(m, t.Key) {
		clear(dst)
		return nil
	}
	for len(dst) > 0 {
		n := min(len(dst), stretch)
		if err := rd.model(dst[:n], m, t, at); err != nil {
			return err
		}
		if !m.Difference {
			if err := rd.model(rd.base[:n], first, t, at); err != nil {
				return err
			}
			vec.Sub(dst[:n], rd.base[:n])
		}
		dst, at = dst[n:], at+n
	}
	return nil
}

// Noise returns what storing n elements of the target once, from at on, adds to
// |R|^2 on average.
func (rd *Reader) Noise(t Tensor, at, n int) (float64, error) {
	u, _ := rd.r.Target.Tensor(t.Key)
	width := u.DType.Bits() / 8
	sum := 0.0
	for n > 0 {
		part := min(n, stretch)
		if grid, ok := vec.GridOf(rd.r.Grids[t.Key]); ok {
			if err := rd.model(rd.x[:part], rd.r.Target, t, at); err != nil {
				return 0, err
			}
			sum += grid.SumUlp2(rd.x[:part]) / 12
			n, at = n-part, at+part
			continue
		}
		b := rd.scratch[:part*width]
		if err := rd.r.Target.File.ReadBytes(b, u, int64(at)*int64(width)); err != nil {
			return 0, fmt.Errorf("%s: %w", rd.r.Target.Name, err)
		}
		sum += u.DType.Rounding(b)
		n, at = n-part, at+part
	}
	return sum, nil
}

// model reads elements of t as m has them.
func (rd *Reader) model(dst []float32, m *merge.Model, t Tensor, at int) error {
	u, _ := m.Tensor(t.Key)
	if err := m.File.Read(dst, rd.scratch, u, at); err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	return nil
}

func has(m *merge.Model, key string) bool {
	t, ok := m.Tensor(key)
	return ok && t.DType.Float()
}

// Changed returns an error that wraps [checkpoint.ErrChanged] if one of the files
// is no longer what it was when it was opened.
func (r *Rest) Changed() error {
	var files []*checkpoint.File
	for _, m := range r.Pool.Models {
		files = append(files, m.File)
	}
	for _, f := range append(files, r.Target.File) {
		if err := f.Changed(); err != nil {
			return err
		}
	}
	return nil
}
