package similarity

import (
	"fmt"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/vec"
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
		if len(t.Shape) != 2 || t.Shape[0] == 0 || t.Shape[0] != t.Shape[1] {
			return fmt.Errorf("%w: %q is %v, no square matrix", merge.ErrMismatch, h.q, t.Shape)
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

// weights are those of a head, d x d each.
type weights struct{ q, k, v []float32 }

func (w weights) all() [3][]float32 { return [3][]float32{w.q, w.k, w.v} }

func newWeights(d int) weights {
	return weights{make([]float32, d*d), make([]float32, d*d), make([]float32, d*d)}
}

// read sets w to the weights of head h in f, a piece that stays in the processor's
// cache at a time.
func (h *Head) read(w weights, f *checkpoint.File) error {
	if err := h.check(f); err != nil {
		return err
	}
	const piece = 64 << 10
	scratch := make([]byte, 4*piece)
	for i, dst := range w.all() {
		key := [3]string{h.q, h.k, h.v}[i]
		t, _ := f.Tensor(key)
		bad := 0
		for at := 0; at < len(dst); at += piece {
			part := dst[at:min(at+piece, len(dst))]
			if err := f.Read(part, scratch, t, at); err != nil {
				return err
			}
			bad += vec.Finite(part)
		}
		if bad > 0 {
			return fmt.Errorf("%w: %d numbers of %q", ErrNonFinite, bad, key)
		}
	}
	return nil
}
