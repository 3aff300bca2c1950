package similarity

import (
	"errors"
	"math"

	"mixmatch/merge/block"
)

// ErrEmpty is returned for a block that holds nothing to compare.
var ErrEmpty = errors.New("block holds no tensors to compare")

// Blocks are the products of a [Gram] summed over the blocks of a layout: all
// that scoring needs. The VAE, which recipes blend with BASE only by accident,
// is no part of them.
type Blocks struct {
	Layout *block.Layout
	Names  []string // of the models, in the order of weights

	sums []sum
}

// A sum is one block: the products of all its tensors, and the tensors.
type sum struct {
	p       []float64 // full (n+1) x (n+1) matrix, see Gram
	floor   float64
	half    float64
	len     int
	tensors []*Products
	absent  []bool // by model: lacks a tensor of the block
}

// Blocks sums g over the blocks of l.
func (g *Gram) Blocks(l *block.Layout) *Blocks {
	b := &Blocks{Layout: l, Names: g.Names, sums: make([]sum, l.Len())}
	for i := range g.Tensors {
		t := &g.Tensors[i]
		if part := t.Part(); part != block.UNet && part != block.TextEncoder {
			continue
		}
		if id, ok := l.Of(t.Key); ok {
			b.sums[id].tensors = append(b.sums[id].tensors, t)
		}
	}
	for i := range b.sums {
		b.sums[i] = sumOf(b.sums[i].tensors, len(g.Names))
	}
	return b
}

// sumOf returns the sum over tensors, in their order.
func sumOf(tensors []*Products, models int) sum {
	m := models + 1
	s := sum{p: make([]float64, m*m), tensors: tensors, absent: make([]bool, models)}
	for _, t := range tensors {
		k := 0
		for i := range m {
			for j := i; j < m; j++ {
				s.p[i*m+j] += t.P[k]
				k++
			}
		}
		s.floor += t.Floor
		s.half += t.Half
		s.len += t.Len
		for _, i := range t.Absent {
			s.absent[i] = true
		}
	}
	for i := range m {
		for j := range i {
			s.p[i*m+j] = s.p[j*m+i]
		}
	}
	return s
}

// Keys returns the tensors compared in block id.
func (b *Blocks) Keys(id block.ID) []string {
	var keys []string
	for _, t := range b.sums[id].tensors {
		keys = append(keys, t.Key)
	}
	return keys
}

// Has reports whether block id holds anything to compare.
func (b *Blocks) Has(id block.ID) bool { return b.sums[id].len > 0 }

// Len returns the number of elements compared in block id.
func (b *Blocks) Len(id block.ID) int { return b.sums[id].len }

// Lacks reports whether model i lacks tensors of block id.
func (b *Blocks) Lacks(id block.ID, i int) bool { return b.sums[id].absent[i] }

// Score returns the cosine, in block id, between the target and the mix with
// weights w, one a model: w.c / sqrt(w'Gw t) over the block's flattened tensors.
func (b *Blocks) Score(id block.ID, w []float64) (float64, error) {
	s := &b.sums[id]
	if s.len == 0 {
		return 0, ErrEmpty
	}
	m := len(w) + 1
	e := m - 1
	total := 0.0
	for _, v := range w {
		total += v
	}
	// The mix is total*B + sum of w_i D_i, the target B + E.
	mt := total * (s.p[0] + s.p[e])
	mm := total * total * s.p[0]
	for i := 1; i < len(w); i++ {
		if w[i] == 0 {
			continue
		}
		row := s.p[i*m : i*m+m]
		mt += w[i] * (row[0] + row[e])
		mm += 2 * total * w[i] * row[0]
		for j := 1; j < len(w); j++ {
			mm += w[i] * w[j] * row[j]
		}
	}
	tt := s.p[0] + 2*s.p[e] + s.p[e*m+e]
	if !(mm > 0 && tt > 0) {
		if mm == 0 && tt == 0 {
			return 1, nil
		}
		return 0, nil // a zero vector is like nothing
	}
	return min(1, mt/math.Sqrt(mm*tt)), nil
}

// Distance returns |T-M|^2 in block id for the mix with weights w, which sum
// to 1: what the mix leaves unexplained, in the units of [Blocks.Floor].
func (b *Blocks) Distance(id block.ID, w []float64) float64 {
	s := &b.sums[id]
	return distance(s.p, w)
}

func distance(p, w []float64) float64 {
	m := len(w) + 1
	e := m - 1
	d := p[e*m+e]
	for i := 1; i < len(w); i++ {
		if w[i] == 0 {
			continue
		}
		d -= 2 * w[i] * p[i*m+e]
		for j := 1; j < len(w); j++ {
			d += w[i] * w[j] * p[i*m+j]
		}
	}
	return max(0, d)
}

// Span returns |T-B|^2 in block id, B being model i: what there is to explain.
func (b *Blocks) Span(id block.ID, i int) float64 {
	w := make([]float64, len(b.Names))
	w[i] = 1
	return b.Distance(id, w)
}

// Explained returns 1 - |T-M|^2 / |T-B|^2 for a model whose |T-M|^2 in block id
// is d (that of a mix is [Blocks.Distance]), B being model base. Plain cosines sit at 0.99 because all fine-tunes share most of
// their weights; this number does not flatter. It is 1 where the target is the
// base and the model is, too.
func (b *Blocks) Explained(id block.ID, d float64, base int) float64 {
	span := b.Span(id, base)
	if span == 0 {
		if d == 0 {
			return 1
		}
		return 0
	}
	return 1 - d/span
}

// Floor returns what rounding the target once to its stored numbers adds to
// [Blocks.Distance] on average, and the same for rounding to float16.
func (b *Blocks) Floor(id block.ID) (stored, half float64) {
	return b.sums[id].floor, b.sums[id].half
}

// VAE tells how far the target's VAE is from that of each model, as
// |T-S|^2 / |T|^2; models without a VAE get -1. It returns nil if the target's
// VAE was not measured.
func (g *Gram) VAE() (relative []float64) {
	return g.apart(func(t *Products) bool { return t.Part() == block.VAE })
}

// VAEOf is VAE for the mix with weights w: |T-M|^2 / |T|^2, or -1 if there is
// nothing to measure or a model of the mix has no VAE.
func (g *Gram) VAEOf(w []float64) float64 {
	s, ok := g.only(func(t *Products) bool { return t.Part() == block.VAE })
	if !ok {
		return -1
	}
	for i, v := range w {
		if v != 0 && s.absent[i] {
			return -1
		}
	}
	return distance(s.p, w) / s.target()
}

// Kept tells the same of the tensors that no merge under l touches, which a
// merge keeps from its model A.
func (g *Gram) Kept(l *block.Layout) (relative []float64) {
	return g.apart(func(t *Products) bool {
		_, governed := l.Of(t.Key)
		return !governed
	})
}

// only sums the tensors that are wanted; false if there are none.
func (g *Gram) only(wanted func(*Products) bool) (sum, bool) {
	var tensors []*Products
	for i := range g.Tensors {
		if wanted(&g.Tensors[i]) {
			tensors = append(tensors, &g.Tensors[i])
		}
	}
	return sumOf(tensors, len(g.Names)), len(tensors) > 0
}

// target returns |T|^2.
func (s *sum) target() float64 {
	m := len(s.absent) + 1
	return s.p[0] + 2*s.p[m-1] + s.p[m*m-1]
}

// apart returns |T-S|^2 / |T|^2 for each model over the tensors that are wanted.
func (g *Gram) apart(wanted func(*Products) bool) (relative []float64) {
	s, ok := g.only(wanted)
	if !ok {
		return nil
	}
	for i := range g.Names {
		w := make([]float64, len(g.Names))
		w[i] = 1
		d := -1.0
		if !s.absent[i] {
			d = distance(s.p, w) / s.target()
		}
		relative = append(relative, d)
	}
	return relative
}

// A Twin is a pair of models that cannot be told apart.
type Twin struct {
	A, B       string
	Difference float64 // |S_a - S_b| as a share of |S_a|
}

// Twins returns the pairs of models that differ by less than one percent of
// what they differ from the first model, or, for twins of that, by less than
// 1e-6 of its norm: how a mix divides between the two rests on noise.
func (b *Blocks) Twins() []Twin {
	n := len(b.Names)
	m := n + 1
	p := make([]float64, m*m)
	for _, s := range b.sums {
		for k, v := range s.p {
			p[k] += v
		}
	}
	var twins []Twin
	for i := range n {
		for j := i + 1; j < n; j++ {
			apart, norm, limit := p[j*m+j], p[0], 1e-12*p[0]
			if i > 0 {
				apart += p[i*m+i] - 2*p[i*m+j]
				norm += 2*p[i] + p[i*m+i]
				limit = 1e-4 * max(p[i*m+i], p[j*m+j])
			}
			if apart <= limit {
				twins = append(twins, Twin{b.Names[i], b.Names[j], math.Sqrt(max(0, apart) / max(norm, math.SmallestNonzeroFloat64))})
			}
		}
	}
	return twins
}
