package chain

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mixmatch/merge/recipe"
)

// A node of the search is a chain's end: the steps that were taken off the
// result so far.
type node struct {
	parent *node
	step   step // the last one taken off, which is the first in time
	bits   float64

	in     uint64 // the models brought in by these steps
	shared uint64 // of those, by weight sums and triple sums: they make the mass
	bases  uint64 // the models subtracted
	mark   uint64 // which model was subtracted for which

	alpha, beta typedRow
	rest        rest // nil slices until needed
}

// beam searches for the chains with the shortest descriptions.
//
// Of the steps at the end of a chain all that matters for the ratios of those
// before are which models they brought in and how: w_S over the sum of the
// weights not brought in by weight sums is the ratio of S in a step before
// them, be it a weight sum or an add difference. So ends that agree in that are
// one, and the shortest is kept.
func (t *part) beam(ctx context.Context, width int) []structure {
	n := len(t.models)
	levels := make([][]*node, n+1)
	levels[0] = []*node{{rest: t.whole()}}
	rows := map[rowKey]*typedRow{}
	var found []structure
	var lengths []float64
	for level := range n {
		for _, d := range narrow(levels[level], width) {
			if ctx.Err() != nil {
				return nil
			}
			t.materialise(d)
			for _, first := range t.firsts(d) {
				found = append(found, d.structure(first))
				lengths = append(lengths, d.bits+t.firstBits(first))
			}
			for _, child := range t.children(d, rows) {
				at := level + len(child.step.models())
				levels[at] = append(levels[at], child)
			}
		}
		levels[level] = nil
	}
	order := make([]int, len(found))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(lengths[i], lengths[j]) })
	sorted := make([]structure, len(found))
	for k, i := range order {
		sorted[k] = found[i]
	}
	return sorted
}

// narrow returns the shortest nodes, and of those that stand for the same the
// first.
func narrow(nodes []*node, width int) []*node {
	slices.SortStableFunc(nodes, func(a, b *node) int { return cmp.Compare(a.bits, b.bits) })
	seen := map[[4]uint64]bool{}
	var kept []*node
	for _, d := range nodes {
		key := [4]uint64{d.in, d.shared, d.bases, d.mark}
		if seen[key] {
			continue
		}
		seen[key] = true
		if kept = append(kept, d); len(kept) == width {
			break
		}
	}
	return kept
}

// materialise computes what is left when the node's step is taken off.
func (t *part) materialise(d *node) {
	if d.rest.u != nil {
		return
	}
	d.rest = rest{slices.Clone(d.parent.rest.u), slices.Clone(d.parent.rest.mass)}
	t.undo(d.rest, d.step, d.alpha, d.beta)
}

// firsts returns the models with which a chain can begin that has these steps
// at its end and no others.
func (t *part) firsts(d *node) []int {
	var unexplained []int // models of which more is left than their errors
	for i := range t.models {
		for b, v := range t.of(d.rest.u, i) {
			if !math.IsInf(t.se[i*t.blocks()+b], 1) && !t.nothing(v, b) {
				if d.in>>i&1 == 1 {
					return nil
				}
				unexplained = append(unexplained, i)
				break
			}
		}
		if len(unexplained) > 1 {
			return nil
		}
	}
	if len(unexplained) == 1 {
		return unexplained
	}
	// Nothing of the first model is left: the last steps replace it everywhere.
	return nil
}

// A rowKey tells the rows apart that ends of chains ask for.
type rowKey struct {
	model      int
	in, shared uint64
}

// pairedMost is of how many models, those with the shortest rows, two are tried
// in one triple sum.
const pairedMost = 8

// children returns the ends of chains that are one step longer.
func (t *part) children(d *node, rows map[rowKey]*typedRow) []*node {
	n := len(t.models)
	type entry struct {
		model int
		row   *typedRow
	}
	var entries []entry
	for i := range n {
		if d.in>>i&1 == 1 {
			continue
		}
		key := rowKey{model: i, shared: d.shared}
		if d.bases>>i&1 == 1 { // its share depends on what was subtracted
			key.in = d.in
		}
		row, ok := rows[key]
		if !ok {
			if e := t.estimates(d.rest, structure{}, 0, i); believable(e) {
				typed := typeRow(e, t.kinds)
				row = &typed
			}
			rows[key] = row
		}
		if row != nil && !row.zero() {
			entries = append(entries, entry{i, row})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.row.bits, b.row.bits) })
	var children []*node
	add := func(x step, alpha, beta *typedRow) {
		c := &node{parent: d, step: x, in: d.in | 1<<x.b, shared: d.shared, bases: d.bases, mark: d.mark, alpha: *alpha}
		c.bits = d.bits + t.stepBits(x) + alpha.bits
		switch x.mode {
		case recipe.WeightSum:
			c.shared |= 1 << x.b
		case recipe.AddDifference:
			c.bases |= 1 << x.c
			if x.c != t.base {
				c.mark ^= mix(uint64(x.b)<<8 | uint64(x.c))
			}
		case recipe.TripleSum:
			c.in, c.shared = c.in|1<<x.c, c.shared|1<<x.b|1<<x.c
			c.beta, c.bits = *beta, c.bits+beta.bits
		}
		children = append(children, c)
	}
	for k, e := range entries {
		add(step{mode: recipe.WeightSum, b: e.model, c: -1}, e.row, nil)
		for c := range n {
			if c != e.model && d.in>>c&1 == 0 && e.model != t.base && (c == t.base || t.negative(d.rest.u, c)) {
				add(step{mode: recipe.AddDifference, b: e.model, c: c}, e.row, nil)
			}
		}
		for _, f := range entries[k+1 : min(len(entries), max(k+1, pairedMost))] {
			add(step{mode: recipe.TripleSum, b: e.model, c: f.model}, e.row, f.row)
		}
	}
	return children
}

// zero reports whether the row changes nothing.
func (r typedRow) zero() bool { return r.constant() && r.numbers[0] == 0 }

// structure returns the chain that begins with a model and ends with the node's
// steps.
func (d *node) structure(first int) structure {
	s := structure{first: first}
	for ; d.parent != nil; d = d.parent {
		s.steps = append(s.steps, d.step)
	}
	return s
}

// mix spreads the bits of x, so that sums of a few of them tell them apart
// (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
