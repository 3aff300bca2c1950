package report

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
	"mixmatch/similarity/residual"
	"mixmatch/studies"
)

// fromProducts fills in what only the products tell: the best single sources, the ceilings
// of searches, what is left by kind of tensor, and how alike the sources are.
func (p *View) fromProducts(ctx context.Context, l *studies.Look) error {
	loss := map[string]float64{} // of the closest mix, by block
	inGroup := map[block.Group][]float64{}
	for _, id := range l.IDs {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := l.Blocks.Layout.Name(id)
		ceiling, err := l.Blocks.Nearest(id)
		if err != nil {
			return err
		}
		v, err := l.Blocks.Loss(id, ceiling.Weights)
		if err != nil {
			return err
		}
		loss[name] = v
		g := l.Blocks.Layout.GroupOf(id)
		inGroup[g] = append(inGroup[g], v)
		at := slices.IndexFunc(p.Blocks, func(b Block) bool { return b.Name == name })
		if at < 0 {
			continue
		}
		b := &p.Blocks[at]
		for i := range l.Blocks.Names {
			if l.Blocks.IsDifference(i) || l.Blocks.Lacks(id, i) {
				continue
			}
			w := make([]float64, len(l.Blocks.Names))
			w[i] = 1
			if v, err := l.Blocks.Score(id, w); err == nil && (b.Single == "" || v > b.SingleScore) {
				b.Single, b.SingleScore = l.Blocks.Names[i], v
			}
		}
	}
	if p.Metric == "" {
		for i := range p.Searches {
			s := &p.Searches[i]
			if v, ok := loss[s.Name]; ok {
				s.Ceiling = &v
			}
			for _, g := range l.Blocks.Layout.Groups() {
				if s.Name == "group-"+string(g) && len(inGroup[g]) > 0 {
					v := average(inGroup[g])
					s.Ceiling = &v
				}
			}
		}
	}
	p.left(l)
	p.alike(l)
	return ctx.Err()
}

func average(all []float64) float64 {
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}

// left sums up what the weights of the page leave of the target, by kind and block.
func (p *View) left(l *studies.Look) {
	if len(l.Plan.Fingerprints()) > 0 {
		p.Absent["left"] = "the study is one of fingerprints, which tell blocks and not tensors"
		return
	}
	rank := map[string]int{}
	for _, spec := range block.Keys(l.Gram.Arch) {
		rank[spec.Name] = len(spec.Shape)
	}
	products := map[string]*similarity.Products{}
	for i := range l.Gram.Tensors {
		products[l.Gram.Tensors[i].Key] = &l.Gram.Tensors[i]
	}
	type sum struct{ left, span, floor float64 }
	sums := map[residual.Kind][]sum{}
	total := 0.0
	for at := range p.Blocks {
		b := &p.Blocks[at]
		id, ok := l.Blocks.Layout.Index(b.Name)
		if !ok || len(b.Weights) == 0 {
			p.Absent["left"] = "the recipe is not linear, so that what it leaves follows from no products"
			return
		}
		w := l.Proof.Blocks[id].Weights // of the closest mix
		if p.Finished {
			w = make([]float64, len(l.Blocks.Names))
			for _, q := range b.Weights {
				if i := slices.Index(l.Blocks.Names, q.Source); i >= 0 {
					w[i] = q.Weight
				}
			}
		}
		from := make([]float64, len(w))
		from[nearest(l, id)] = 1
		for _, key := range l.Blocks.Keys(id) {
			t := products[key]
			n, known := rank[key]
			if !known {
				n = 2
			}
			kind := residual.KindOf(key, make([]int, n))
			if sums[kind] == nil {
				sums[kind] = make([]sum, len(p.Blocks))
			}
			s := &sums[kind][at]
			d := t.Distance(w)
			s.left += d
			s.span += t.Distance(from)
			s.floor += t.Floor
			total += d
		}
	}
	left := &Left{From: p.Base}
	for _, kind := range residual.Kinds() {
		all := sums[kind]
		if all == nil {
			continue
		}
		var row []*LeftCell
		for _, s := range all {
			if s == (sum{}) {
				row = append(row, nil)
				continue
			}
			c := &LeftCell{}
			if s.span > 0 {
				c.Share = s.left / s.span
			}
			if s.floor > 0 {
				c.Roundings = s.left / s.floor
			}
			if total > 0 {
				c.Part = s.left / total
			}
			row = append(row, c)
		}
		left.Kinds, left.Cells = append(left.Kinds, string(kind)), append(left.Cells, row)
	}
	p.Left = left
}

// nearest returns the model that what is left in block id is measured from: the base,
// or else the source that is closest to the target.
func nearest(l *studies.Look, id block.ID) int {
	if l.Base >= 0 {
		return l.Base
	}
	best := 0
	for i := range l.Blocks.Names {
		if !l.Blocks.IsDifference(i) && !l.Blocks.Lacks(id, i) && l.Blocks.Span(id, i) < l.Blocks.Span(id, best) {
			best = i
		}
	}
	return best
}

// mostAlike is how many sources are compared with each other.
const mostAlike = 40

// alike compares what training changed in the sources, and in the target: their
// differences from the base, or from the first source.
func (p *View) alike(l *studies.Look) {
	names := l.Gram.Names
	n := len(names)
	from := max(0, l.Base)
	models := n - l.Gram.Differences
	a := &Alike{From: names[from]}
	var rows []int // of the products, in the order of the table; n is the target's
	for _, sure := range []bool{true, false} {
		for i := range n {
			if i != from && sure == (l.Proof.Models[i].Standing == similarity.In) {
				rows = append(rows, i)
			}
		}
	}
	if len(rows) > mostAlike {
		a.Others = len(rows) - mostAlike
		rows = rows[:mostAlike]
	}
	slices.Sort(rows)
	rows = append(rows, n)
	searched := map[string]bool{} // by key
	for _, id := range l.IDs {
		for _, key := range l.Blocks.Keys(id) {
			searched[key] = true
		}
	}
	sum := make([]float64, len(rows)*len(rows))
	var room []float64
	for i := range l.Gram.Tensors {
		t := &l.Gram.Tensors[i]
		if !searched[t.Key] {
			continue
		}
		if slices.ContainsFunc(t.Absent, func(i int) bool { return i < models }) {
			a.Skipped++
			continue
		}
		products := t.P.Unpack(room)
		room = products
		at := func(i, j int) float64 {
			if i > j {
				i, j = j, i
			}
			if i == 0 {
				return 0 // the first model differs from itself by nothing
			}
			return products[i*(n+1)-i*(i-1)/2+j-i]
		}
		moves := func(i int) bool { return i < models || i == n } // with what is measured from
		for x, i := range rows {
			for y := x; y < len(rows); y++ {
				j := rows[y]
				v := at(i, j)
				if moves(i) {
					v -= at(from, j)
				}
				if moves(j) {
					v -= at(i, from)
				}
				if moves(i) && moves(j) {
					v += at(from, from)
				}
				sum[x*len(rows)+y] += v
			}
		}
	}
	for x, i := range rows {
		name := p.Target
		if i < n {
			name = names[i]
		}
		a.Names = append(a.Names, name)
		row := make([]*float64, len(rows))
		for y := range rows {
			lo, hi := min(x, y), max(x, y)
			if d := sum[x*len(rows)+x] * sum[y*len(rows)+y]; d > 0 {
				c := max(-1, min(1, sum[lo*len(rows)+hi]/math.Sqrt(d)))
				row[y] = &c
			}
		}
		a.Cosines = append(a.Cosines, row)
	}
	if len(rows) < 2 {
		p.Absent["alike"] = "there is one model alone, which is compared with none"
		return
	}
	p.Alike = a
}
