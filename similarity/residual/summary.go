package residual

import (
	"fmt"
	"slices"
	"strings"
)

// A Group is what was found in the tensors of one kind.
type Group struct {
	Kind    Kind
	Pieces  int     // matrices looked at
	Low     int     // of them, those with a LoRA
	Ranks   []int   // of those, ascending
	Tensors int     // also those that are no matrices
	Energy  float64 // |R|^2
	Outside float64 // of it, what no LoRA accounts for
	Floor   float64 // of that, what rounding the target once does
}

// Groups sums up by kind, leaving out kinds that the models do not have.
func (res *Result) Groups() []Group {
	by := map[Kind]*Group{}
	for i := range res.Tensors {
		l := &res.Tensors[i]
		g := by[l.Kind]
		if g == nil {
			g = &Group{Kind: l.Kind}
			by[l.Kind] = g
		}
		g.Tensors++
		g.Energy += l.Energy
		g.Outside += l.Outside()
		g.Floor += l.Floor
		for _, p := range l.Pieces {
			g.Pieces++
			if p.Rank > 0 {
				g.Low++
				g.Ranks = append(g.Ranks, p.Rank)
			}
		}
	}
	var all []Group
	for _, k := range Kinds() {
		if g := by[k]; g != nil {
			slices.Sort(g.Ranks)
			all = append(all, *g)
		}
	}
	return all
}

// A LoRA is what was found as a whole.
type LoRA struct {
	Rank    int     // that of most matrices; of equally many the highest
	Same    int     // how many matrices have it
	Highest int     // no matrix has a higher rank
	Pieces  int     // matrices of low rank
	Share   float64 // of what R has beyond rounding: the part in these matrices' directions
}

// few is how many matrices of low rank are none: chance, or a change that
// somebody made to one matrix.
const few = 4

// LoRA reports whether what was found makes a LoRA: matrices enough to be no
// chance, and most of them of one rank or below it.
func (res *Result) LoRA() (LoRA, bool) {
	var l LoRA
	count := map[int]int{}
	taken, beyond := 0.0, 0.0
	for _, g := range res.Groups() {
		for _, r := range g.Ranks {
			count[r]++
			l.Highest = max(l.Highest, r)
		}
		l.Pieces += g.Low
		taken += g.Energy - g.Outside
		beyond += max(0, g.Energy-g.Floor)
	}
	for r, n := range count {
		if n > l.Same || n == l.Same && r > l.Rank {
			l.Rank, l.Same = r, n
		}
	}
	if beyond > 0 {
		l.Share = min(1, taken/beyond)
	}
	return l, l.Pieces >= few
}

// families are kinds that are counted together.
var families = []struct {
	name  string
	kinds []Kind
}{
	{"attention", []Kind{Query, Key, Value, Output}},
	{"feed forward", []Kind{Forward}},
	{"projections", []Kind{Projection}},
	{"convolutions", []Kind{Convolve}},
	{"time embedding", []Kind{Time}},
	{"the text encoder", []Kind{TextAttn, TextMLP}},
}

// String says in a line what was found, such as "a LoRA of rank 16: 128 of 128
// matrices of attention, 32 of 32 of feed forward; nothing in convolutions".
func (res *Result) String() string {
	l, ok := res.LoRA()
	if !ok {
		return "no LoRA"
	}
	var with, without []string
	groups := res.Groups()
	for _, f := range families {
		low, all := 0, 0
		for _, g := range groups {
			if slices.Contains(f.kinds, g.Kind) {
				low += g.Low
				all += g.Pieces
			}
		}
		switch {
		case all == 0:
		case low == 0:
			without = append(without, f.name)
		case len(with) == 0:
			with = append(with, fmt.Sprintf("%d of %d matrices of %s", low, all, f.name))
		default:
			with = append(with, fmt.Sprintf("%d of %d of %s", low, all, f.name))
		}
	}
	var b strings.Builder
	switch {
	case 2*l.Same >= l.Pieces && l.Rank == l.Highest:
		fmt.Fprintf(&b, "a LoRA of rank %d: ", l.Rank)
	case 2*l.Same >= l.Pieces:
		fmt.Fprintf(&b, "a LoRA of rank %d (up to %d): ", l.Rank, l.Highest)
	default:
		fmt.Fprintf(&b, "a LoRA of ranks up to %d: ", l.Highest)
	}
	b.WriteString(strings.Join(with, ", "))
	if len(without) > 0 {
		b.WriteString("; nothing in " + strings.Join(without, ", "))
	}
	return b.String()
}
