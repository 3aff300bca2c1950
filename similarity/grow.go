package similarity

import (
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A Growth is how close mixes of more and more models come to the target in a block:
// what [Blocks.Reach] says of each, but for the last bits. Adding a model takes n^2
// steps, and asking what one would add takes none.
type Growth struct {
	b     *Blocks
	id    block.ID
	names []int // of the rows: the first model added, whose row is all of it, the others as they differ from it, and LoRAs
	loras []int
	k     []float64 // products of what those added leave of the rows and, last, of the target less the first
	own   []float64 // squared lengths at the start
	many  []int     // the models that there are to add
}

// Grow begins with no model, to add some of those given, each mixed with the LoRAs.
func (b *Blocks) Grow(id block.ID, models, loras []int) *Growth {
	lacks := func(i int) bool { return b.Lacks(id, i) }
	return &Growth{
		b: b, id: id,
		many: slices.DeleteFunc(slices.Clone(models), lacks), loras: slices.DeleteFunc(slices.Clone(loras), lacks),
	}
}

// With returns 1 - cosine of the best mix of the models added and one more. It is 1 if
// the block has none of them.
func (g *Growth) With(i int) float64 {
	if g.names == nil {
		if !slices.Contains(g.many, i) {
			return 1
		}
		v, err := g.b.Reach(g.id, append([]int{i}, g.loras...))
		if err != nil {
			return 1
		}
		return 1 - v
	}
	p := g.b.sums[g.id].p
	m := len(g.b.Names)
	target := p[0] + 2*p[m] + p[len(p)-1]
	if !(target > 0) {
		return 0
	}
	n := len(g.own) - 1
	left := g.k[len(g.k)-1]
	if at := slices.Index(g.names, i); at >= 0 && g.clear(at) {
		c := g.k[at*(n+1)+n]
		left -= c * c / g.k[at*(n+1)+at]
	}
	sine := min(1, max(0, left/target))
	return sine / (1 + math.Sqrt(1-sine))
}

// Add adds a model.
func (g *Growth) Add(i int) {
	switch {
	case g.names != nil:
		if at := slices.Index(g.names, i); at >= 0 {
			g.take(at)
		}
	case slices.Contains(g.many, i):
		g.names = []int{i}
		for _, j := range slices.Concat(g.many, g.loras) {
			if j != i {
				g.names = append(g.names, j)
			}
		}
		n := len(g.b.Names)
		rows := regressors(make([]float64, n), 1, g.names, g.b.models)
		g.k = transform(rows, g.b.sums[g.id].p)
		for at := range rows.rows {
			g.own = append(g.own, g.k[at*rows.rows+at])
		}
		g.take(0)
		for _, lora := range g.loras {
			g.take(slices.Index(g.names, lora))
		}
	}
}

// clear reports whether a row can be told apart from what was added.
func (g *Growth) clear(at int) bool {
	n := len(g.own)
	on := g.b.sums[g.id].plain()
	return g.k[at*n+at] > max(dependent*g.own[at], on.least())
}

// take takes what a row explains from all rows.
func (g *Growth) take(at int) {
	if !g.clear(at) {
		return
	}
	n := len(g.own)
	row := slices.Clone(g.k[at*n : at*n+n])
	u := row[at]
	for i := range n {
		if f := row[i] / u; f != 0 {
			for j := range n {
				g.k[i*n+j] -= float64(f * row[j])
			}
		}
	}
}
