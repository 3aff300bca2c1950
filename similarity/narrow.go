package similarity

import (
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A Narrowing is the best mix of fewer and fewer models in a block: that of
// [Blocks.Fit] but for the last bits, in n^2 steps each.
//
// It keeps T as any combination of the models, a = Scale * weights, so that taking a
// model out does not depend on which of them the others are measured from.
type Narrowing struct {
	b     *Blocks
	id    block.ID
	free  []int
	whole bool // every model of free can be told apart, so that none comes in when another goes
	keep  []bool
	a     solution // n is 0 where nothing was solved

	weights, doubles []float64
}

// Narrow begins with the mix of the models of free.
func (b *Blocks) Narrow(id block.ID, free []int) (*Narrowing, error) {
	n := &Narrowing{b: b, id: id, free: slices.Clone(free)}
	return n, n.solve()
}

// Free returns the models that are left.
func (n *Narrowing) Free() []int { return n.free }

// Weight returns the weight of the k-th model that is left, and its Doubles; see
// [Fit].
func (n *Narrowing) Weight(k int) (weight, doubles float64) { return n.weights[k], n.doubles[k] }

// Drop takes out the k-th model that is left.
func (n *Narrowing) Drop(k int) error {
	anew := n.a.n == 0 || !n.whole && n.keep[k] || n.a.twin(k)
	n.free = slices.Delete(n.free, k, k+1)
	if anew {
		return n.solve()
	}
	n.a.drop(k)
	n.keep = slices.Delete(n.keep, k, k+1)
	n.whole = n.whole || !slices.Contains(n.keep, false) && !unsolved(n.a.h)
	if !n.read() {
		return n.solve()
	}
	return nil
}

// solve solves for the models that are left.
func (n *Narrowing) solve() error {
	f, sys, err := n.b.solve(n.id, n.free, nil, n.b.sums[n.id].basis())
	if err != nil {
		return err
	}
	n.a = solution{}
	m := len(n.free)
	if sys == nil {
		n.weights, n.doubles = make([]float64, m), make([]float64, m)
		for k, i := range n.free {
			n.weights[k] = f.Weights[i]
		}
		return nil
	}
	n.keep = slices.Clone(sys.keep)
	n.keep[0] = true // the scale's place is that of the first model, which the others are measured from
	n.whole = !slices.Contains(sys.keep, false) && !unsolved(sys.inverse)
	n.a = solution{n: m, x: slices.Clone(sys.z), h: slices.Clone(sys.inverse), rest: sys.rest}
	x, h := n.a.x, n.a.h
	// The first has what the others leave of 1 + z_0.
	x[0]++
	for j := 1; j < m; j++ {
		if n.b.IsDifference(n.free[j]) {
			continue
		}
		x[0] -= x[j]
		for i := range m {
			h[i] -= h[j*m+i]
		}
	}
	for j := 1; j < m; j++ {
		if n.b.IsDifference(n.free[j]) {
			continue
		}
		for i := range m {
			h[i*m] -= h[i*m+j]
		}
	}
	if !n.read() { // for the last bits
		n.a = solution{}
		n.weights, n.doubles = make([]float64, m), make([]float64, m)
		for k, i := range n.free {
			n.weights[k] = f.Weights[i]
		}
	}
	return nil
}

// read sets the weights and their Doubles. It is false if the target is like no mix of
// the models.
func (n *Narrowing) read() bool {
	m := n.a.n
	n.weights, n.doubles = make([]float64, m), make([]float64, m)
	if m == 0 {
		return false
	}
	scale, first := 0.0, 0.0
	for i, name := range n.free {
		if n.b.IsDifference(name) {
			continue
		}
		scale += n.a.x[i]
		for j, other := range n.free[1:] {
			if i > 0 && !n.b.IsDifference(other) {
				first += n.a.h[i*m+j+1]
			}
		}
	}
	if !(scale > 1e-6) {
		return false
	}
	for i := range m {
		n.weights[i] = n.a.x[i] / scale
		spread := n.a.h[i*m+i]
		if i == 0 { // the weights that sum to 1, and not the scale
			spread = first
		}
		n.doubles[i] = math.Sqrt(max(0, n.a.rest*spread)) / scale
		if !n.keep[i] {
			n.doubles[i] = math.Inf(1)
		}
	}
	return true
}
