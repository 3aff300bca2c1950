package stepwise

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
)

// equal reports whether two nodes have the same values.
func (c *chain) equal(ctx context.Context, x, y *node) (same bool, err error) {
	if c.same != nil && x.step == nil && y.step == nil {
		name := fmt.Sprintf("%d %d %q", x.model, y.model, x.file.Name)
		if same, ok := c.same[name]; ok {
			return same, nil
		}
		defer func() {
			if err == nil {
				c.same[name] = same
			}
		}()
	}
	size := length(x.shape)
	if x.whole || y.whole {
		s, _, err := c.evaluate(ctx, x, 0, 0, true)
		if err != nil {
			return false, err
		}
		t, _, err := c.evaluate(ctx, y, 0, 0, true)
		return slices.Equal(s.Data, t.Data), err
	}
	for at := 0; at < size; at += chunk {
		n := min(chunk, size-at)
		s, _, err := c.evaluate(ctx, x, at, n, false)
		if err != nil {
			return false, err
		}
		t, _, err := c.evaluate(ctx, y, at, n, false)
		if err != nil || !slices.Equal(s.Data, t.Data) {
			return false, err
		}
	}
	return true, nil
}

// similarities returns the range of the similarities of two models, over all
// keys that they share: SuperMerger's "stage 0" (mergers.py:705).
func (c *chain) similarities(ctx context.Context, mode calc.Calc, a, b map[string]*node) (calc.Range, error) {
	s, err := calc.NewSimilarities(mode)
	if err != nil {
		return calc.Range{}, err
	}
	for _, key := range c.keys {
		if err := ctx.Err(); err != nil {
			return calc.Range{}, err
		}
		x, y := a[key], b[key]
		if x == nil || y == nil || !block.ComparedByCosine(key) {
			continue
		}
		s1, err := c.anything(ctx, x)
		if err != nil {
			return calc.Range{}, err
		}
		s2, err := c.anything(ctx, y)
		if err != nil {
			return calc.Range{}, err
		}
		if err := s.Add(key, s1, s2); err != nil {
			return calc.Range{}, fmt.Errorf("%w: %w", merge.ErrMismatch, err)
		}
	}
	r, err := s.Range()
	if err != nil {
		return r, fmt.Errorf("%w: %s: %w", merge.ErrMismatch, mode, err)
	}
	return r, nil
}

// anything returns all of a node, whole numbers too.
func (c *chain) anything(ctx context.Context, n *node) (calc.Tensor, error) {
	if n.step != nil || n.dtype.Float() {
		t, _, err := c.evaluate(ctx, n, 0, 0, true)
		return t, err
	}
	m := c.Models[n.model]
	b := make([]byte, n.file.Bytes())
	if err := m.ReadBytes(b, n.file, 0); err != nil {
		return calc.Tensor{}, err
	}
	t := calc.Tensor{DType: calc.F32, Shape: n.shape, Data: make([]float32, length(n.shape))}
	for i := range t.Data {
		switch n.dtype {
		case "I64":
			t.Data[i] = float32(int64(binary.LittleEndian.Uint64(b[8*i:])))
		case "I32":
			t.Data[i] = float32(int32(binary.LittleEndian.Uint32(b[4*i:])))
		case "I16":
			t.Data[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:])))
		case "U8", "BOOL":
			t.Data[i] = float32(b[i])
		default:
			return t, fmt.Errorf("%w: %s: %q holds %s, which cannot be compared", merge.ErrMismatch, m.Name, n.file.Name, n.dtype)
		}
	}
	return t, nil
}
