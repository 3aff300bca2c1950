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
	if len(l.Heads()) == 0 {
		return nil, fmt.Errorf("%w: no calculator knows the attention of %s; --metric weight compares the weights", ErrEmpty, l.Arch())
	}
	for _, prefix := range l.Heads() {
		h := Head{q: prefix + "q.weight", k: prefix + "k.weight", v: prefix + "v.weight"}
		t, ok := f.Tensor(h.q)
		if !ok {
			continue
		}
		if h.Block, ok = l.Of(h.q); !ok {
			continue
		}
		if len(t.Shape) != 2 || t.Shape[0] == 0 || t.Shape[0] != t.Shape[1] {
			return nil, fmt.Errorf("%w: %q is %v, no square matrix", merge.ErrMismatch, h.q, t.Shape)
		}
		h.Dim = t.Shape[0]
		if err := h.check(f); err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	if len(heads) == 0 {
		return nil, fmt.Errorf("%w: no self-attention", ErrEmpty)
	}
	return heads, nil
}

// check returns an error if f has not the head's tensors in the head's shape.
func (h *Head) check(f *checkpoint.File) error {
	for _, key := range h.keys() {
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

func (h *Head) keys() [3]string { return [3]string{h.q, h.k, h.v} }

// readPiece is how many numbers are read at a time.
const readPiece = 64 << 10

// readRows sets dst to rows of d numbers of the tensor called key in f, from row
// from on, a piece at a time that stays in the processor's cache. The stored bytes
// pass through scratch.
func (h *Head) readRows(dst []float32, f *checkpoint.File, key string, from int, scratch []byte) error {
	t, _ := f.Tensor(key)
	for at := 0; at < len(dst); at += readPiece {
		part := dst[at:min(at+readPiece, len(dst))]
		if err := f.Read(part, scratch, t, from*h.Dim+at); err != nil {
			return err
		}
		if vec.Finite(part) > 0 {
			return fmt.Errorf("%w: in %q", merge.ErrNonFinite, key)
		}
	}
	return nil
}

// newScratch returns room for the stored bytes of some numbers of a head d wide.
func newScratch(d int) []byte { return make([]byte, min(4*d*d, 4*readPiece)) }

// readPacked sets w to the weights of head h in f, laid out for products. What it
// reads goes there from the processor's cache.
func (h *Head) readPacked(w *packedWeights, f *checkpoint.File) error {
	if err := h.check(f); err != nil {
		return err
	}
	for i, p := range []*vec.Packed{w.q, w.k} {
		for j := range p.Panels() {
			from, to := p.Rows(j)
			rows := w.rows[:(to-from)*h.Dim]
			if err := h.readRows(rows, f, h.keys()[i], from, w.scratch); err != nil {
				return err
			}
			p.FillPanel(j, rows)
		}
	}
	return h.readRows(w.v, f, h.v, 0, w.scratch)
}
