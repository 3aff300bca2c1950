package similarity

import (
	"errors"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// ErrEmpty is returned for a block that holds nothing to compare.
var ErrEmpty = errors.New("block holds no tensors to compare")

// Blocks are the products of a [Gram] summed over the blocks of a layout: all
// that scoring needs. The VAE, which recipes blend with BASE only by accident,
// is no part of them.
type Blocks struct {
	Layout *block.Layout
	Names  []string // of the models and, behind them, the differences, in the order of weights

	models int // how many of the names are models; the weights of these sum to 1
	sums   []sum
	empty  []string // names of blocks
}

// Empty reports whether neither a model nor the target holds a tensor of block id,
// as far as that is known.
func (b *Blocks) Empty(id block.ID) bool { return slices.Contains(b.empty, b.Layout.Name(id)) }

// IsDifference reports whether i is no model but a difference, such as a LoRA.
func (b *Blocks) IsDifference(i int) bool { return i >= b.models }

// A sum is one block: the products of all its tensors, and the tensors.
type sum struct {
	p       []float64 // full (n+1) x (n+1) matrix, see Gram
	floor   float64
	half    float64
	len     int
	tensors []*Products
	models  int    // how many rows, with B's, are of models; the others are differences
	absent  []bool // by row: a model that lacks a tensor of the block

	// The same products with each tensor weighted by its noise, nil if that is not
	// known, and what all models together leave: see noise.go.
	weighted []float64
	saved    bool    // noise is that of saving the steps on the way as float16
	left     float64 // mean squared residual of an element, in roundings
}

// Blocks sums g over the blocks of l.
func (g *Gram) Blocks(l *block.Layout) *Blocks {
	b := &Blocks{Layout: l, Names: g.Names, models: g.models(), sums: make([]sum, l.Len()), empty: g.Empty.in(l.Era())}
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
		b.sums[i] = g.sumOf(b.sums[i].tensors)
		b.sums[i].compare()
	}
	return b
}

// sumOf returns the sum over tensors, in their order.
func (g *Gram) sumOf(tensors []*Products) sum {
	m := len(g.Names) + 1
	s := sum{p: make([]float64, m*m), tensors: tensors, models: g.models(), absent: make([]bool, m-1)}
	for _, t := range tensors {
		for i, row := range t.P.Rows() {
			to := s.p[i*m+i : i*m+m]
			for k, v := range row {
				to[k] += v
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
// weights w, one a name: w.c / sqrt(w'Gw t) over the block's flattened tensors.
func (b *Blocks) Score(id block.ID, w []float64) (float64, error) {
	s := &b.sums[id]
	if s.len == 0 {
		return 0, ErrEmpty
	}
	mt, mm, tt, _ := s.moments(w)
	if !(mm > 0 && tt > 0) {
		if mm == 0 && tt == 0 {
			return 1, nil
		}
		return 0, nil // a zero vector is like nothing
	}
	return min(1, mt/math.Sqrt(mm*tt)), nil
}

// Loss returns 1 - cosine for the mix that [Blocks.Score] scores. It does not
// cancel where the cosine is nearly 1: with the angle a between mix M and target T,
// 1 - cos a = sin^2 a / (1 + cos a), and sin^2 a is the least |T-sM|^2 / |T|^2 of all
// s, which the products give in delta form.
func (b *Blocks) Loss(id block.ID, w []float64) (float64, error) {
	cosine, err := b.Score(id, w)
	if err != nil || cosine < 0.9 || cosine == 1 && b.sums[id].p[0] == 0 {
		return 1 - cosine, err
	}
	total := b.sums[id].total(w)
	x := make([]float64, len(w)) // summing to 1, for the products are of differences
	for i, v := range w {
		x[i] = v / total
	}
	mt, mm, tt, rest := b.sums[id].moments(x)
	s := mt/mm - 1
	d := distance(b.sums[id].p, x) - float64(2*s*rest) + float64(s*s*mm)
	return max(0, d) / tt / (1 + cosine), nil
}

// total returns the sum of the weights of models.
func (s *sum) total(w []float64) float64 {
	total := 0.0
	for _, v := range w[:s.models] {
		total += v
	}
	return total
}

// moments returns <M,T>, <M,M>, <T,T> and <T-M,M> for the mix M with weights w.
func (s *sum) moments(w []float64) (mt, mm, tt, rest float64) {
	m := len(w) + 1
	e := m - 1
	total := s.total(w)
	// The mix is total*B + sum of w_i D_i, the target B + E.
	mt = total * (s.p[0] + s.p[e])
	mm = total * total * s.p[0]
	rest = total * (float64((1-total)*s.p[0]) + s.p[e])
	for i := 1; i < len(w); i++ {
		if w[i] == 0 {
			continue
		}
		row := s.p[i*m : i*m+m]
		mt += float64(w[i] * (row[0] + row[e]))
		mm += float64(2 * total * w[i] * row[0])
		rest += float64(w[i] * (float64((1-float64(2*total))*row[0]) + row[e]))
		for j := 1; j < len(w); j++ {
			mm += float64(w[i] * w[j] * row[j])
			rest -= float64(w[i] * w[j] * row[j])
		}
	}
	return mt, mm, s.p[0] + 2*s.p[e] + s.p[e*m+e], rest
}

// Distance returns |T-M|^2 in block id for the mix with weights w, those of models
// summing to 1: what the mix leaves unexplained, in the units of [Blocks.Floor].
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
		d -= float64(2 * w[i] * p[i*m+e])
		for j := 1; j < len(w); j++ {
			d += float64(w[i] * w[j] * p[i*m+j])
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

// Explained returns 1 - |T-M|^2 / |T-B|^2 for a model whose |T-M|^2 in block id is
// d (that of a mix is [Blocks.Distance]), B being model base. Plain cosines sit at
// 0.99 because all fine-tunes share most of their weights; this number does not
// flatter. It is 1 where the target is the base and the model is, too.
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
