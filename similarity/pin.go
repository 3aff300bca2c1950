package similarity

import (
	"maps"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A Pinning is the best mix of a block of which one weight after the other is given
// and the rest found anew: that of [Blocks.Fit] for free and fixed models, but for the
// last bits, in n^2 steps each.
type Pinning struct {
	b     *Blocks
	id    block.ID
	free  []int
	fixed map[int]float64
	rest  float64  // what is left for the models of free, of 1
	looks *scatter // for errors, made when the first is asked for
	h     solution // of differences among free; without coefficients. n is 0 where free cannot be told apart
}

// An Estimate is a weight and how far it may be off, as [Fit] has them.
type Estimate struct{ Weight, SE, Doubles float64 }

// Pin begins with all models of free.
func (b *Blocks) Pin(id block.ID, free []int) *Pinning {
	p := &Pinning{b: b, id: id, free: slices.Clone(free), fixed: map[int]float64{}, rest: 1}
	s := &b.sums[id]
	n := len(free)
	if s.len == 0 || n < 2 || b.IsDifference(free[0]) {
		return p
	}
	on := s.basis()
	rows := regressors(make([]float64, len(b.Names)), 1, free, b.models)
	k := transform(rows, on.p)
	m := rows.rows
	if slices.Contains(independent(k, m-1, on.least()), false) {
		return p
	}
	sub := make([]float64, n*n) // the differences from the first and the response
	for i := range n {
		copy(sub[i*n:(i+1)*n], k[(i+1)*m+1:(i+2)*m])
	}
	_, inverse := leastSquares(sub, slices.Repeat([]bool{true}, n-1))
	if unsolved(inverse) {
		return p
	}
	models := 0
	for _, i := range free {
		if !b.IsDifference(i) {
			models++
		}
	}
	p.h = solution{n: n, x: make([]float64, n), h: affine(inverse, n, models)}
	return p
}

// Free returns the models whose weights are not given.
func (p *Pinning) Free() []int { return p.free }

// Fix gives a model its weight.
func (p *Pinning) Fix(i int, weight float64) {
	k := slices.Index(p.free, i)
	p.fixed[i] = weight
	if !p.b.IsDifference(i) {
		p.rest -= weight
	}
	p.free = slices.Delete(p.free, k, k+1)
	if p.h.n > 0 && p.h.twin(k) {
		p.h = solution{}
	}
	if p.h.n == 0 {
		return
	}
	p.h.drop(k)
	if n := p.h.n; n > 1 && p.b.IsDifference(p.free[1]) { // one model has all that is left, and not nearly
		for i := range n {
			p.h.h[i], p.h.h[i*n] = 0, 0
		}
	}
}

// Weight returns the weight of a model of free. SE is found only where it is asked for,
// and 0 else: it takes another look at every tensor.
func (p *Pinning) Weight(i int, wantSE bool) (Estimate, error) {
	at := slices.Index(p.free, i)
	if e, ok := p.solve(at, wantSE); ok {
		return e, nil
	}
	f, err := p.b.Fit(p.id, p.free, p.fixed)
	if err != nil {
		return Estimate{}, err
	}
	return Estimate{f.Weights[i], f.SE[i], f.Doubles[i]}, nil
}

// solve finds weight k of free; false if that must be done from the start.
//
// The fixed part, with the rest all in the first model of free, is R, and z are the
// coefficients of the differences among free, those of models summing to 0: T - R is
// fitted by s R and z. What z leaves of R and of T - R gives s.
func (p *Pinning) solve(k int, wantSE bool) (Estimate, bool) {
	n := len(p.free)
	if p.h.n == 0 || n < 2 || p.b.IsDifference(p.free[0]) {
		return Estimate{}, false
	}
	sum := &p.b.sums[p.id]
	on := sum.basis()
	m := len(p.b.Names) + 1
	fixed := make([]float64, len(p.b.Names))
	for i, v := range p.fixed {
		fixed[i] = v
	}
	rows := regressors(fixed, p.rest, p.free[:1], p.b.models) // R and T - R
	start, response := rows.row(0), rows.row(1)
	byStart, byResponse := times(on.p, start), times(on.p, response)
	zStart, zResponse := make([]float64, n), make([]float64, n)
	for a := range n {
		for c, i := range p.free {
			if h := p.h.h[a*n+c]; i > 0 { // the first model's difference is 0
				zStart[a] += float64(h * byStart[i])
				zResponse[a] += float64(h * byResponse[i])
			}
		}
	}
	own, cross, left := along(start, byStart), along(start, byResponse), along(response, byResponse)
	length := own
	for a, i := range p.free {
		if i > 0 {
			own -= float64(zStart[a] * byStart[i])
			cross -= float64(zStart[a] * byResponse[i])
			left -= float64(zResponse[a] * byResponse[i])
		}
	}
	if !(own > dependent*length && own > on.least()) {
		return Estimate{}, false
	}
	s := cross / own
	scale := 1 + s
	if !(scale > 1e-6) {
		return Estimate{}, false
	}
	left = max(0, left-float64(s*cross))
	z := make([]float64, n)
	for a := range n {
		z[a] = zResponse[a] - float64(s*zStart[a])
	}
	e := Estimate{Weight: z[k] / scale, Doubles: math.Sqrt(max(0, left*(p.h.h[k*n+k]+zStart[k]*zStart[k]/own))) / scale}
	if k == 0 {
		e.Weight += p.rest
	}
	if !wantSE {
		return e, true
	}
	// The gradient of z_k / scale times the inverse of the products, and the residual,
	// both as rows.
	byScale, byZ := -z[k]/(scale*scale), 1/scale
	q, rest := make([]float64, m), slices.Clone(response)
	ofStart := (byScale - float64(byZ*zStart[k])) / own
	for i, v := range start {
		q[i] += float64(ofStart * v)
		rest[i] -= float64(s * v)
	}
	for a, i := range p.free {
		if i > 0 {
			q[i] += float64(byZ*p.h.h[k*n+a]) - float64(ofStart*zStart[a])
			rest[i] -= z[a]
		}
	}
	if p.looks == nil {
		p.looks = newScatter(sum.tensors, on.weight, slices.Concat([]int{0, m - 1}, p.free, slices.Collect(maps.Keys(p.fixed))))
	}
	e.SE = math.Sqrt(p.looks.along(q, rest))
	return e, true
}

// times returns p x for a symmetric matrix.
func times(p, x []float64) []float64 {
	n := len(x)
	out := make([]float64, n)
	for i, v := range x {
		if v != 0 {
			for j, w := range p[i*n : (i+1)*n] {
				out[j] += float64(v * w)
			}
		}
	}
	return out
}

func along(x, y []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += float64(v * y[i])
	}
	return sum
}
