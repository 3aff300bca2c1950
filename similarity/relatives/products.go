// Package relatives tells which models are alike by what was done to them.
//
// Fine-tunes share nearly all of their weights, so the cosine of two models says little.
// The cosine of their deltas does: of what sets each apart from the model that all come
// from. [Files] and [Prints] take the inner products of many models, [Products.Cosines]
// makes the table of all pairs of them, [Cluster] puts relatives beside each other, and
// [Near] finds the nearest relatives of one model in a library of fingerprints.
package relatives

import (
	"context"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
)

// Products are the inner products of some models, block by block: all that their
// cosines depend on.
type Products struct {
	Layout *block.Layout
	Names  []string // of the models, in the order they were given

	// Sketched says that they are those of fingerprints, and so known to a
	// sqrt(2/4096) of the lengths in each block.
	Sketched bool

	Notes []string // what was left out

	place []int    // of each model, its row
	rows  int      // 0 is the one that the others are measured from: the base, or a model
	base  bool     // whether row 0 is a base, and none of the models
	parts []parted // by block
}

// A parted is a block's products: those of the network's tensors, and of the text
// encoder's.
type parted struct{ network, text unit }

// A unit is what is summed up together: some tensors that a row has all of or none.
type unit struct {
	len   int       // elements
	p     []float64 // upper triangle of the rows, as [similarity.Products] has it
	lacks []bool    // by row
}

// Files reads models and a base, which may be nil, once and returns their products, in
// delta form. A nil layout is the first that knows the models. Memory is that of
// [similarity.MeasureAll] and a product a pair of models and block.
//
// The error wraps [merge.ErrMismatch] if there are less than two models, or they do not
// go together, and what [similarity.MeasureAll] returns is passed on.
func Files(ctx context.Context, models []*merge.Model, base *merge.Model, l *block.Layout, o similarity.Options) (*Products, error) {
	if len(models) < 2 {
		return nil, tooFew()
	}
	all := slices.Clone(models)
	if base != nil {
		all = append(all, base)
	}
	shared, err := merge.Comparable(all)
	if err != nil {
		return nil, err
	}
	whole, err := merge.NewPool(shared)
	if err != nil {
		return nil, err
	}
	if l == nil {
		l = whole.Kind.Layout()
	}
	var sizes []int
	for _, m := range shared {
		sizes = append(sizes, count(l, m))
	}
	p, order := newProducts(l, sizes, base != nil)
	for _, m := range models {
		p.Names = append(p.Names, m.Name)
	}
	if !slices.Equal(shared, all) {
		p.Notes = append(p.Notes, "the models are not of one kind: what only some of them have is not compared")
	}
	var rows []*merge.Model
	for _, i := range order {
		rows = append(rows, shared[i])
	}
	pool, err := merge.NewPool(rows[:len(rows)-1])
	if err != nil {
		return nil, err
	}
	tensors := 0
	o.Fold = func(_ int, q *similarity.Products) {
		if p.add(q) {
			tensors++
		}
	}
	if _, err := similarity.MeasureAll(ctx, pool, rows[len(rows)-1:], o); err != nil {
		return nil, err
	}
	if have := slices.Max(sizes); have > tensors {
		p.Notes = append(p.Notes, fmt.Sprintf("%d of %d tensors are left out, which %s or all models but one lack", have-tensors, have, safetext.Line(rows[0].Name)))
	}
	return p, p.check()
}

// count returns how many tensors of a model are compared.
func count(l *block.Layout, m *merge.Model) int {
	n := 0
	for _, t := range m.File.Tensors() {
		if _, ok := l.Of(t.Name); ok && t.DType.Float() && t.Len() > 0 && isCompared(l.Part(t.Name)) {
			n++
		}
	}
	return n
}

func isCompared(p block.Part) bool { return p == block.UNet || p == block.TextEncoder }

// Prints is [Files] for fingerprints. A zero era is the first that knows the models.
// The error wraps [merge.ErrMismatch] if they do not go together.
func Prints(models []*fingerprint.Fingerprint, base *fingerprint.Fingerprint, l *block.Layout) (*Products, error) {
	if len(models) < 2 {
		return nil, tooFew()
	}
	all := slices.Clone(models)
	if base != nil {
		all = append(all, base)
	}
	for _, f := range all {
		if f.Difference {
			return nil, fmt.Errorf("%w: %s is no model but a difference", merge.ErrMismatch, safetext.Line(f.Name))
		}
	}
	if l == nil {
		var err error
		if l, err = block.Default(all[0].Arch); err != nil {
			return nil, err
		}
	}
	var sizes []int
	for _, f := range all {
		sizes = append(sizes, len(f.Sections))
	}
	p, order := newProducts(l, sizes, base != nil)
	p.Sketched = true
	for _, f := range models {
		p.Names = append(p.Names, f.Name)
	}
	var rows []*fingerprint.Fingerprint
	for _, i := range order {
		rows = append(rows, all[i])
	}
	g, notes, err := fingerprint.Gram(rows[:len(rows)-1], rows[len(rows)-1])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", merge.ErrMismatch, err)
	}
	p.Notes = notes
	for i := range g.Tensors {
		p.add(&g.Tensors[i])
	}
	return p, p.check()
}

func tooFew() error {
	return fmt.Errorf("%w: there are no two models to compare", merge.ErrMismatch)
}

// newProducts returns products of nothing, and which of the models, of which the base
// comes last, is each row. What the first row or the last lacks is not compared, so
// these are models that have most.
func newProducts(l *block.Layout, sizes []int, base bool) (p *Products, order []int) {
	p = &Products{Layout: l, rows: len(sizes), base: base, parts: make([]parted, l.Len())}
	models := len(sizes)
	if base {
		models--
		order = append(order, models)
	}
	var by []int
	for i := range models {
		by = append(by, i)
	}
	slices.SortStableFunc(by, func(i, j int) int { return sizes[j] - sizes[i] })
	last := by[0]
	order = append(order, by[1:]...)
	order = append(order, last)
	p.place = make([]int, models)
	for row, i := range order {
		if i < models {
			p.place[i] = row
		}
	}
	return p, order
}

// add adds the products of a tensor, or of a section of fingerprints, and reports
// whether it is one that is compared.
func (p *Products) add(q *similarity.Products) bool {
	id, ok := p.Layout.Of(q.Key)
	if !ok || !isCompared(q.Part()) {
		return false
	}
	u := &p.parts[id].network
	if q.Part() == block.TextEncoder {
		u = &p.parts[id].text
	}
	if u.p == nil {
		u.p, u.lacks = make([]float64, p.rows*(p.rows+1)/2), make([]bool, p.rows)
	}
	u.len += q.Len
	left := u.p
	for _, row := range q.P.Rows() {
		for k, v := range row {
			left[k] += v
		}
		left = left[len(row):]
	}
	for _, row := range q.Absent {
		u.lacks[row] = true
	}
	return true
}

// check returns an error if nothing can be compared.
func (p *Products) check() error {
	for i := range p.parts {
		if p.parts[i].network.len > 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: the models share no tensors of the network", merge.ErrMismatch)
}

// inner returns the product of rows i and j, each the difference from row 0, or that
// row itself for i = 0.
func (u *unit) inner(i, j, rows int) float64 {
	if i > j {
		i, j = j, i
	}
	return u.p[i*rows-i*(i-1)/2+j-i]
}
