package relatives

import (
	"math"
	"slices"
)

// A Tree joins models to clusters, those first that are most alike.
type Tree struct {
	Joins []Join // one less than there are models

	// Order has the models so that clusters stay together and, of all such orders,
	// neighbours are most alike.
	Order []int
}

// A Join makes one cluster of two. Numbers from 0 are models; behind them come the
// clusters, in the order in which they are joined.
type Join struct {
	A, B   int
	Cosine float64 // mean over the pairs of a model of one and one of the other
}

// Cluster joins models by average linkage (UPGMA: Sokal and Michener 1958) on cosines.
// Where there is none, models count as if they had nothing in common. It takes n^3
// steps for n models, and n^2 numbers of memory.
func Cluster(m *Matrix) *Tree {
	n := len(m.Values)
	t := &Tree{}
	s := square(n)
	for i := range n {
		for j := range n {
			if v := m.Values[i][j]; v == v {
				s[i][j] = v
			}
		}
	}
	likes := square(n)
	for i := range n {
		copy(likes[i], s[i])
	}
	name, size, alive := make([]int, n), make([]int, n), make([]int, n)
	for i := range n {
		name[i], size[i], alive[i] = i, 1, i
	}
	for len(alive) > 1 {
		a, b, best := 0, 0, math.Inf(-1)
		for x, i := range alive {
			for _, j := range alive[x+1:] {
				if s[i][j] > best { // of equals the first
					a, b, best = i, j, s[i][j]
				}
			}
		}
		t.Joins = append(t.Joins, Join{name[a], name[b], best})
		for _, k := range alive {
			if k == a || k == b {
				continue
			}
			v := (float64(float64(size[a])*s[a][k]) + float64(float64(size[b])*s[b][k])) / float64(size[a]+size[b])
			s[a][k], s[k][a] = v, v
		}
		name[a], size[a] = n+len(t.Joins)-1, size[a]+size[b]
		alive = slices.Delete(alive, slices.Index(alive, b), slices.Index(alive, b)+1)
	}
	t.Order = newArranger(likes, t.Joins).order()
	return t
}

// An arranger finds the optimal order of the leaves of a tree (Bar-Joseph, Gifford and
// Jaakkola 2001): the one with the largest sum of cosines of neighbours, of the
// 2^(n-1) that turning clusters round allows. It takes n^3 steps.
type arranger struct {
	likes [][]float64
	nodes []node

	// By two models that a node joins, i of one side at the one end and j of the other
	// side at the other: the best sum, and by which neighbours in the middle it is had.
	sum    [][]float64
	middle [][]int32 // neighbour on j's side, by i and j
	beside [][]int32 // neighbour of j on i's side, with i at the end, by i and j
}

// A node is a cluster.
type node struct {
	a, b   int // -1 for a model
	leaves []int
}

func newArranger(likes [][]float64, joins []Join) *arranger {
	n := len(likes)
	r := &arranger{likes: likes, sum: square(n)}
	for i := range n {
		r.nodes = append(r.nodes, node{-1, -1, []int{i}})
		r.middle, r.beside = append(r.middle, make([]int32, n)), append(r.beside, make([]int32, n))
	}
	for _, j := range joins {
		r.nodes = append(r.nodes, node{j.A, j.B, slices.Concat(r.nodes[j.A].leaves, r.nodes[j.B].leaves)})
	}
	return r
}

// far returns the models that may stand at the other end of a node with i at one.
func (r *arranger) far(at, i int) []int {
	n := &r.nodes[at]
	switch {
	case n.a < 0:
		return n.leaves
	case slices.Contains(r.nodes[n.a].leaves, i):
		return r.nodes[n.b].leaves
	}
	return r.nodes[n.a].leaves
}

// order returns the best order. Read from behind it is as good: the end with the
// model given first comes first.
func (r *arranger) order() []int {
	if len(r.likes) < 2 {
		return slices.Clone(r.nodes[0].leaves)
	}
	for at := range r.nodes {
		if r.nodes[at].a >= 0 {
			r.join(at)
		}
	}
	root := len(r.nodes) - 1
	first, last, best := 0, 0, math.Inf(-1)
	for _, i := range r.nodes[r.nodes[root].a].leaves {
		for _, j := range r.nodes[r.nodes[root].b].leaves {
			if r.sum[i][j] > best {
				first, last, best = i, j, r.sum[i][j]
			}
		}
	}
	all := r.between(nil, root, first, last)
	if all[0] > all[len(all)-1] {
		slices.Reverse(all)
	}
	return all
}

// join finds the best sums of a node, from those of the two that it joins.
func (r *arranger) join(at int) {
	a, b := r.nodes[at].a, r.nodes[at].b
	reach := make([]float64, len(r.likes)) // the best sum with i at the end and a model of b behind a's
	far := map[int][]int{}
	for _, j := range r.nodes[b].leaves {
		far[j] = r.far(b, j)
	}
	for _, i := range r.nodes[a].leaves {
		ends := r.far(a, i)
		for _, k := range r.nodes[b].leaves {
			reach[k] = math.Inf(-1)
			for _, m := range ends {
				if v := r.sum[i][m] + r.likes[m][k]; v > reach[k] {
					reach[k], r.beside[i][k] = v, int32(m)
				}
			}
		}
		for _, j := range r.nodes[b].leaves {
			best := math.Inf(-1)
			for _, k := range far[j] {
				if v := reach[k] + r.sum[k][j]; v > best {
					best, r.middle[i][j] = v, int32(k)
				}
			}
			r.sum[i][j], r.sum[j][i] = best, best
		}
	}
}

// between appends the models of a node in the best order from i to j.
func (r *arranger) between(to []int, at, i, j int) []int {
	n := &r.nodes[at]
	if n.a < 0 {
		return append(to, i)
	}
	if slices.Contains(r.nodes[n.b].leaves, i) { // the other way round
		from := len(to)
		to = r.between(to, at, j, i)
		slices.Reverse(to[from:])
		return to
	}
	k := int(r.middle[i][j])
	to = r.between(to, n.a, i, int(r.beside[i][k]))
	return r.between(to, n.b, k, j)
}
