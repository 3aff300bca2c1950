package similarity

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
	"mixmatch/similarity/torchrand"
)

// A Head is the first self-attention of a block: the tensors that the
// attention similarity compares. With d x d matrices of weights Wq, Wk, Wv and a
// random d x d input X its output is
//
//	A = softmax(X Wq' (X Wk')') * colsum(X Wv')
//
// each column of the softmax times one number, and the similarity of two models
// is the mean over the rows of the cosine between their rows of A (the
// calculators "ASimilarity" and sd-cosine-similarity; there is no 1/sqrt(d), nor
// are there several heads).
type Head struct {
	Block   block.ID
	Dim     int // d
	q, k, v string
}

// Heads returns the heads of the model in f, in the order in which calculators
// go through them: IN, M, OUT. The error wraps [ErrEmpty] if there are none.
func Heads(l *block.Layout, f *checkpoint.File) ([]Head, error) {
	var heads []Head
	add := func(place string) error {
		prefix := "model.diffusion_model." + place + ".1.transformer_blocks.0.attn1.to_"
		h := Head{q: prefix + "q.weight", k: prefix + "k.weight", v: prefix + "v.weight"}
		t, ok := f.Tensor(h.q)
		if !ok {
			return nil
		}
		if h.Block, ok = l.Of(h.q); !ok {
			return nil
		}
		if len(t.Shape) != 2 || t.Shape[0] == 0 {
			return fmt.Errorf("%w: %q is %v, no matrix", merge.ErrMismatch, h.q, t.Shape)
		}
		h.Dim = t.Shape[0]
		heads = append(heads, h)
		return h.check(f)
	}
	for _, section := range []string{"input_blocks.%d", "middle_block", "output_blocks.%d"} {
		n := 12
		if section == "middle_block" {
			n = 1
		}
		for i := range n {
			place := section
			if n > 1 {
				place = fmt.Sprintf(section, i)
			}
			if err := add(place); err != nil {
				return nil, err
			}
		}
	}
	if len(heads) == 0 {
		return nil, fmt.Errorf("%w: no self-attention", ErrEmpty)
	}
	return heads, nil
}

// check returns an error if f has not the head's tensors in the head's shape.
func (h *Head) check(f *checkpoint.File) error {
	for _, key := range []string{h.q, h.k, h.v} {
		t, ok := f.Tensor(key)
		switch {
		case !ok:
			return fmt.Errorf("%w: lacks %q", merge.ErrMismatch, key)
		case len(t.Shape) != 2 || t.Shape[0] != h.Dim || t.Shape[1] != h.Dim:
			return fmt.Errorf("%w: %q is %v, not [%d %[4]d]", merge.ErrMismatch, key, t.Shape, h.Dim)
		case !t.DType.Float():
			return fmt.Errorf("%w: %q is stored as %s, not as floating point", merge.ErrMismatch, key, t.DType)
		}
	}
	return nil
}

// A Calculator is a published program's way to draw the inputs: one stream of
// random numbers feeds all blocks in turn, and creating the layers that
// hold each model's weights draws from it too.
type Calculator struct {
	Name   string
	Seed   uint64
	layers int // created after each input
}

// Calculators returns the calculators known: sd-cosine-similarity's similar.py,
// which creates the layers of one model before the next input, and
// SuperMerger's Analysis tab, which creates those of two (supermerger.py,
// asimilarity). The numbers of the two cannot be compared.
func Calculators() []Calculator {
	return []Calculator{
		{Name: "similar.py", Seed: 114514, layers: 3},
		{Name: "supermerger", Seed: 2244096, layers: 6},
	}
}

// Inputs draws the input of each head and hands it to use. A head's input
// depends on those before it in the list. The next one is drawn meanwhile.
func (c Calculator) Inputs(heads []Head, use func(h Head, x []float32) error) error {
	drawn, stop := make(chan []float32), make(chan struct{})
	defer close(stop)
	go func() {
		g := torchrand.New(c.Seed)
		for _, h := range heads {
			x := make([]float32, h.Dim*h.Dim)
			g.Normal(x)
			g.Skip(c.layers * len(x))
			select {
			case drawn <- x:
			case <-stop:
				return
			}
		}
	}()
	for _, h := range heads {
		if err := use(h, <-drawn); err != nil {
			return err
		}
	}
	return nil
}

// weights are those of a head, d x d each.
type weights struct{ q, k, v []float32 }

func newWeights(d int) weights {
	return weights{make([]float32, d*d), make([]float32, d*d), make([]float32, d*d)}
}

// read sets w to the weights of head h in f.
func (h *Head) read(w weights, f *checkpoint.File) error {
	if err := h.check(f); err != nil {
		return err
	}
	for _, m := range []struct {
		key string
		dst []float32
	}{{h.q, w.q}, {h.k, w.k}, {h.v, w.v}} {
		t, _ := f.Tensor(m.key)
		if err := f.Read(m.dst, nil, t, 0); err != nil {
			return err
		}
		if n := vec.Finite(m.dst); n > 0 {
			return fmt.Errorf("%w: %d numbers of %q", ErrNonFinite, n, m.key)
		}
	}
	return nil
}

// A projection is what the weights of a head make of an input.
type projection struct {
	q, k []float32 // X Wq' and X Wk', d x d
	v    []float32 // column sums of X Wv'
}

// A product computes c = a b', as [vec.MulT] does.
type product func(c, a, b []float32, m, n, k int)

// spread is vec.MulTInOrder with the rows of a shared out among processors. Each
// sum is taken in the same order, so the result is the same.
func spread(c, a, b []float32, m, n, k int) {
	share(m, func(from, to int) { vec.MulTInOrder(c[from*n:to*n], a[from*k:to*k], b, to-from, n, k) })
}

// share does rows 0 to m in parts, one a processor.
func share(m int, do func(from, to int)) {
	rows := max(64, (m+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i := 0; i < m; i += rows {
		wait.Go(func() { do(i, min(i+rows, m)) })
	}
	wait.Wait()
}

// project applies w to x.
func (h *Head) project(w weights, x []float32, mulT product) projection {
	d := h.Dim
	p := projection{q: make([]float32, d*d), k: make([]float32, d*d), v: make([]float32, d)}
	// The column sums first, in the room of q.
	mulT(p.q, x, w.v, d, d, d)
	sum := make([]float64, d)
	for i := range d {
		vec.Axpy64(sum, 1, p.q[i*d:(i+1)*d])
	}
	for k, v := range sum {
		p.v[k] = float32(v)
	}
	mulT(p.q, x, w.q, d, d, d)
	mulT(p.k, x, w.k, d, d, d)
	return p
}

// attend sets out to the head's output for projection p, each row divided
// by its length. (The softmax's denominators are divided out with it.)
func (p *projection) attend(out []float32, mulT product) {
	d := len(p.v)
	mulT(out, p.q, p.k, d, d, d)
	share(d, func(from, to int) {
		for i := from; i < to; i++ {
			p.attendRow(out[i*d : (i+1)*d])
		}
	})
}

// attendRow turns a row of logits into a row of the output.
func (p *projection) attendRow(row []float32) {
	peak := row[0]
	for _, v := range row {
		peak = max(peak, v)
	}
	norm := 0.0
	for j, v := range row {
		e := expf(v-peak) * p.v[j]
		row[j] = e
		norm += float64(e) * float64(e)
	}
	if norm > 0 {
		scale := float32(1 / math.Sqrt(norm))
		for j := range row {
			row[j] *= scale
		}
	}
}

// likeness sets cos to the cosines between the rows of two outputs.
func likeness(cos []float32, a, b []float32) {
	d := len(cos)
	for i := range cos {
		dot := 0.0
		y := b[i*d : (i+1)*d]
		for j, v := range a[i*d : (i+1)*d] {
			dot += float64(float64(v) * float64(y[j]))
		}
		cos[i] = float32(dot)
	}
}

// Attention returns the attention similarity of the models in others with base,
// for each head in turn, [head][other], with c's inputs. It reads a head at
// a time: a few matrices of memory. Progress, which may be nil, is told
// of each head that is done.
//
// The numbers are those of PyTorch in float32 to seven digits and more: products
// are summed in the order of a plain BLAS and means in PyTorch's. What is
// left are the last bits, in which PyTorch's own builds differ as well.
func (c Calculator) Attention(ctx context.Context, heads []Head, base *checkpoint.File, others []*checkpoint.File, progress func(done, total int)) ([][]float32, error) {
	var all [][]float32
	err := c.Inputs(heads, func(h Head, x []float32) error {
		d := h.Dim
		w, target, out, cos := newWeights(d), make([]float32, d*d), make([]float32, d*d), make([]float32, d)
		output := func(dst []float32, f *checkpoint.File) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := h.read(w, f); err != nil {
				return fmt.Errorf("%s: %w", f.Path(), err)
			}
			p := h.project(w, x, spread)
			p.attend(dst, spread)
			return nil
		}
		if err := output(target, base); err != nil {
			return err
		}
		var row []float32
		for _, f := range others {
			if err := output(out, f); err != nil {
				return err
			}
			likeness(cos, target, out)
			mean := Mean(cos)
			if mean != mean {
				return fmt.Errorf("%w: the attention of %s in %s or %s overflows", ErrNonFinite, h.q, f.Path(), base.Path())
			}
			row = append(row, mean)
		}
		all = append(all, row)
		if progress != nil {
			progress(len(all), len(heads))
		}
		return nil
	})
	return all, err
}
