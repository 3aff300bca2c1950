package similarity

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// Unscale returns g for the target divided by a number, and the number, if that is
// what makes the target a mix of the models but for rounding; else g and 1. The
// cosine ignores scale, but nothing else does: a target shrunk by a percent would
// be far from every mix. The error is ctx's.
func (g *Gram) Unscale(ctx context.Context, arch block.Arch) (*Gram, float64, error) {
	l, err := block.Default(arch)
	if err != nil {
		return g, 1, nil
	}
	b := g.Blocks(l)
	var scales []float64
	scaled := map[string]bool{} // tensors of the blocks that speak for it
	blocks := 0
	for id := range l.Blocks().All() {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		s := &b.sums[id]
		if !b.Has(id) || s.weighted == nil {
			continue
		}
		blocks++
		if s.atNoise() {
			continue
		}
		f, sys, err := b.solve(id, b.all(id), nil, s.byNoise())
		if err != nil || sys == nil {
			continue
		}
		if sys.rest/float64(s.len) <= roundings {
			scales = append(scales, f.Scale)
			for _, t := range s.tensors {
				scaled[t.Key] = true
			}
		}
	}
	if len(scales) == 0 || 4*len(scales) < 3*blocks {
		return g, 1, nil
	}
	slices.Sort(scales)
	scale := scales[len(scales)/2]
	if scales[len(scales)-1]-scales[0] > 0.1*math.Abs(scale-1) {
		return g, 1, nil
	}
	return g.divided(scale, scaled), scale, nil
}

// divided returns the products with some of the target's tensors divided by scale: E
// becomes E/scale + (1/scale - 1) B.
func (g *Gram) divided(scale float64, some map[string]bool) *Gram {
	n := len(g.Names)
	out := g.WithTensors(slices.Clone(g.Tensors))
	a, c := 1/scale, 1/scale-1
	for i := range out.Tensors {
		t := &out.Tensors[i]
		if !some[t.Key] {
			continue
		}
		p, was := t.P.Unpack(nil), t.P.Unpack(nil)
		last := len(p) - 1
		p[last] = float64(a*a*p[last]) + float64(2*a*c*p[n]) + float64(c*c*p[0])
		at := 0 // of row k's product with itself; with E it is n-k places on
		for k := range n {
			with := at + n - k
			p[with] = float64(a*was[with]) + float64(c*was[k]) // <D_k,B> is the k-th of the first row
			at += n + 1 - k
		}
		t.P = NewTriangle(p, n+1)
		t.Floor *= a * a
		t.Half *= a * a
	}
	return out
}
