package compose

import (
	"context"
	"errors"
	"testing"
)

// A stopping context ends after it was looked at a number of times.
type stopping struct {
	context.Context
	left, after int
}

func (c *stopping) Err() error {
	if c.left--; c.left >= 0 {
		return nil
	}
	c.after++
	return context.Canceled
}

// TestCanceled stops a composition of many models wherever it looks at its context: it
// goes no further.
func TestCanceled(t *testing.T) {
	weights := make([]float64, 110)
	for i := range weights {
		weights[i] = float64(1+i%3) / 220
	}
	b, ids := plant(t, 5, map[string][]float64{"IN04": weights, "OUT07": weights}, 1e-4)
	all := func(ctx context.Context) error {
		c, err := New(ctx, b, ids, Options{Base: 0, First: -1})
		if err != nil {
			return err
		}
		if _, err := c.Rounded(ctx); err != nil {
			return err
		}
		if _, _, err := c.AuthorsOwn(ctx, 0, -1); err != nil && !errors.Is(err, ErrStyle) {
			return err
		}
		return nil
	}
	whole := &stopping{Context: t.Context(), left: 1 << 40}
	if err := all(whole); err != nil {
		t.Fatal(err)
	}
	looks := 1<<40 - whole.left
	if looks < 300 {
		t.Errorf("only %d looks at the context", looks)
	}
	for at := 0; at < looks; at += looks/15 + 1 {
		ctx := &stopping{Context: t.Context(), left: at}
		if err := all(ctx); !errors.Is(err, context.Canceled) || ctx.after > 3 {
			t.Errorf("stopped at look %d of %d: %v, after %d more", at, looks, err, ctx.after)
		}
	}
}
