package relatives

import (
	"fmt"
	"math"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
)

// A Reference is what the models' deltas are taken from.
type Reference int

const (
	// Base is the base that the products were measured with.
	Base Reference = iota

	// Mean is the mean of the models: there always is one, but deltas from it say how
	// models stand among each other and not what was done to them. Those of n models
	// that have nothing in common have cosines of -1/(n-1).
	Mean

	// Plain is no reference: the cosines are those of the models' weights.
	Plain
)

// A Matrix has a number for each pair of models: symmetric, and not a number where
// there is none to tell, as between models of which one is the reference itself.
type Matrix struct {
	Names  []string
	Values [][]float64
}

// negligible is how much of the products' size a squared length from the mean must
// have to be one: what is below comes of rounding the products.
const negligible = 1e-13

// Cosines returns the cosine of the deltas of each pair of models over some blocks
// together, or over the network if none are given. What one of a pair lacks is left out
// of both.
//
// The error wraps [merge.ErrMismatch] if there are no products in those blocks.
func (p *Products) Cosines(from Reference, blocks []block.ID) (*Matrix, error) {
	if from == Base && !p.base {
		return nil, fmt.Errorf("%w: there is no base to measure from", merge.ErrMismatch)
	}
	var units []*unit
	for id := range p.parts {
		b := &p.parts[id]
		switch {
		case blocks == nil && b.network.len > 0:
			units = append(units, &b.network)
		case slices.Contains(blocks, block.ID(id)):
			for _, u := range []*unit{&b.network, &b.text} {
				if u.len > 0 {
					units = append(units, u)
				}
			}
		}
	}
	if len(units) == 0 {
		return nil, fmt.Errorf("%w: the models share nothing in these blocks", merge.ErrMismatch)
	}
	n := len(p.place)
	m := &Matrix{Names: slices.Clone(p.Names), Values: square(n)}
	own := square(n) // squared lengths of i, where j has something, too
	for _, u := range units {
		k := p.deltas(u, from)
		for i := range n {
			for j := range n {
				if u.lacks[p.place[i]] || u.lacks[p.place[j]] {
					continue
				}
				m.Values[i][j] += k[i][j]
				own[i][j] += k[i][i]
			}
		}
	}
	for i := range n {
		for j := range i + 1 {
			v := math.NaN()
			if a, b := own[i][j], own[j][i]; a > 0 && b > 0 {
				v = min(1, max(-1, m.Values[i][j]/(math.Sqrt(a)*math.Sqrt(b))))
			}
			m.Values[i][j], m.Values[j][i] = v, v
		}
		if m.Values[i][i] > 0 {
			m.Values[i][i] = 1
		}
	}
	return m, nil
}

func square(n int) [][]float64 {
	all := make([]float64, n*n)
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = all[i*n : i*n+n]
	}
	return rows
}

// deltas returns the products of the models' deltas in a unit. Those of models that
// lack it are none.
func (p *Products) deltas(u *unit, from Reference) [][]float64 {
	n := len(p.place)
	k, most := square(n), 0.0
	for i := range n {
		for j := range n {
			a, b := p.place[i], p.place[j]
			if u.lacks[a] || u.lacks[b] {
				continue
			}
			if a > 0 && b > 0 {
				k[i][j] = u.inner(a, b, p.rows)
			}
			if from == Plain {
				k[i][j] += u.inner(0, 0, p.rows)
				for _, row := range []int{min(a, b), max(a, b)} { // in one order, so that it is symmetric
					if row > 0 {
						k[i][j] += u.inner(0, row, p.rows)
					}
				}
			}
			most = max(most, math.Abs(k[i][j]))
		}
	}
	if from != Mean {
		return k
	}
	p.centre(u, k)
	for i := range n {
		if k[i][i] <= negligible*most {
			for j := range n {
				k[i][j], k[j][i] = 0, 0
			}
		}
	}
	return k
}

// centre turns products of what sets models apart from anything into those of what
// sets them apart from their mean: <D_i - m, D_j - m>.
func (p *Products) centre(u *unit, k [][]float64) {
	var have []int
	for i, row := range p.place {
		if !u.lacks[row] {
			have = append(have, i)
		}
	}
	means, all := make([]float64, len(k)), 0.0
	for _, i := range have {
		for _, j := range have {
			means[i] += k[i][j]
		}
		means[i] /= float64(len(have))
		all += means[i]
	}
	all /= float64(len(have))
	for _, i := range have {
		for _, j := range have {
			k[i][j] -= means[min(i, j)] + means[max(i, j)] - all
		}
	}
}

// Blocks returns the blocks that models have something in.
func (p *Products) Blocks() []block.ID {
	var ids []block.ID
	for id := range p.parts {
		if b := &p.parts[id]; b.network.len > 0 || b.text.len > 0 {
			ids = append(ids, block.ID(id))
		}
	}
	return ids
}

// Same returns the pairs of models that have the same numbers in every block that is
// compared, or the same fingerprints.
func (p *Products) Same() [][2]int {
	var pairs [][2]int
	for j := range p.place {
		for i := range j {
			if p.same(p.place[i], p.place[j]) {
				pairs = append(pairs, [2]int{i, j})
			}
		}
	}
	return pairs
}

func (p *Products) same(a, b int) bool {
	for id := range p.parts {
		for _, u := range []*unit{&p.parts[id].network, &p.parts[id].text} {
			if u.len == 0 {
				continue
			}
			inner := func(i, j int) float64 {
				if i == 0 || j == 0 {
					return 0 // row 0 is no distance from itself
				}
				return u.inner(i, j, p.rows)
			}
			if u.lacks[a] != u.lacks[b] || !u.lacks[a] && (inner(a, a) != inner(b, b) || inner(a, a) != inner(a, b)) {
				return false
			}
		}
	}
	return true
}
