package live

import (
	"fmt"
	"math"
	"net/http"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/studies"
)

// A deskPage is what the mixing desk is made of.
type deskPage struct {
	Study   string      `json:"study"`
	Target  string      `json:"target"`
	Names   []string    `json:"names"`  // of the sources, in the order of weights; LoRAs last
	Models  int         `json:"models"` // how many of them are models
	Base    int         `json:"base"`   // the base among them, or -1
	Of      string      `json:"of"`     // which recipe it is
	Steps   []deskStep  `json:"steps"`
	Ratios  []deskRatio `json:"ratios"` // the column: one slider a block each
	Blocks  []deskBlock `json:"blocks"`
	Saved   []string    `json:"saved"`
	Formats []format    `json:"formats"`
	Notes   []string    `json:"notes"`
}

// A deskStep is a step as the page computes it: operands are sources, by their places
// among the names, or steps behind those.
type deskStep struct {
	Mode string `json:"mode"`
	A    int    `json:"a"`
	B    int    `json:"b"`
	C    int    `json:"c"` // -1 for none
	At   int    `json:"at"`
	Text string `json:"text"`
}

// A deskRatio is a slider's place in the column.
type deskRatio struct {
	Step int     `json:"step"`
	Text string  `json:"text"`
	Lo   float64 `json:"lo"`
	Hi   float64 `json:"hi"`
}

// A deskBlock is a block.
type deskBlock struct {
	Name    string    `json:"name"`
	Group   string    `json:"group"`
	P       []float64 `json:"p"` // the products, row by row, of the upper triangle
	Column  []float64 `json:"column"`
	Ceiling ceiling   `json:"ceiling"`
	From    int       `json:"from"`  // the source that explained is measured from
	Lacks   []int     `json:"lacks"` // the sources that have no such tensors
}

// desk answers with the mixing desk of a study.
func (s *Server) desk(_ http.ResponseWriter, r *http.Request) (any, error) {
	name := nameOf(r)
	dir, err := s.folderOf(name)
	if err != nil {
		return nil, err
	}
	d, err := s.deskOf(r.Context(), dir)
	if err != nil {
		return nil, err
	}
	tuned, of, notes, err := s.tuned(r.Context(), d, r.URL.Query().Get("recipe"))
	if err != nil {
		return nil, err
	}
	files, err := studies.OpenFiles(dir)
	if err != nil {
		return nil, err
	}
	b := d.Blocks
	p := deskPage{Study: name, Target: files.Plan().Target.Name, Names: b.Names, Base: d.Base, Of: of, Notes: notes, Formats: formats()}
	for i := range b.Names {
		if !b.IsDifference(i) {
			p.Models++
		}
	}
	p.Steps, p.Ratios = stepsOf(tuned, b.Names)
	for i := range p.Ratios {
		p.Ratios[i].Lo, p.Ratios[i].Hi = d.bounds(tuned, i)
	}
	for _, id := range d.IDs {
		q := deskBlock{
			Name: b.Layout.Name(id), Group: string(b.Layout.GroupOf(id)), Column: tuned.Column(id),
			Ceiling: d.best[id], From: d.from(id), Lacks: []int{},
		}
		all, n := b.Products(id), len(b.Names)+1
		for i := range n {
			q.P = append(q.P, all[i*n+i:i*n+n]...)
		}
		for i := range b.Names {
			if b.Lacks(id, i) {
				q.Lacks = append(q.Lacks, i)
			}
		}
		p.Blocks = append(p.Blocks, q)
	}
	p.Saved, err = s.saved(dir)
	return p, err
}

// from returns the source that what is explained is measured from in a block: the
// base, or without one the nearest source.
func (d *desk) from(id block.ID) int {
	if d.Base >= 0 {
		return d.Base
	}
	near, least := -1, math.Inf(1)
	for i := range d.Blocks.Names {
		if d.Blocks.IsDifference(i) || d.Blocks.Lacks(id, i) {
			continue
		}
		if v := d.Blocks.Span(id, i); v < least {
			near, least = i, v
		}
	}
	return near
}

// bounds returns between what a slider moves: SuperMerger's bounds, or as wide as the
// recipe needs.
func (d *desk) bounds(r *recipe.Recipe, pos int) (lo, hi float64) {
	lo, hi = recipe.DefaultLo, recipe.DefaultHi
	for _, id := range d.IDs {
		v := r.Ratio(id, pos).Value
		lo, hi = min(lo, math.Floor(v)), max(hi, math.Ceil(v))
	}
	return lo, hi
}

// stepsOf returns the steps and the places of the column.
func stepsOf(r *recipe.Recipe, names []string) (steps []deskStep, ratios []deskRatio) {
	place := map[string]int{}
	for i, n := range names {
		place[n] = i
	}
	for i := range r.Steps {
		place[r.Steps[i].Out] = len(names) + i
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		q := deskStep{Mode: s.Mode.String(), A: place[s.A], B: place[s.B], C: -1, At: len(ratios)}
		if s.Mode.HasC() {
			q.C = place[s.C]
		}
		q.Text = formula(s)
		steps = append(steps, q)
		alpha := deskRatio{Step: i, Text: s.B}
		switch {
		case s.Mode == recipe.AddDifference:
			alpha.Text = s.B + " - " + s.C
		case s.HasBeta():
			ratios = append(ratios, alpha)
			alpha = deskRatio{Step: i, Text: s.C}
		}
		ratios = append(ratios, alpha)
	}
	return steps, ratios
}

// formula says what a step does, without its numbers.
func formula(s *recipe.Step) string {
	switch s.Mode {
	case recipe.WeightSum:
		return fmt.Sprintf("%s = %s (1-\u03b1) + %s \u03b1", s.Out, s.A, s.B)
	case recipe.AddDifference:
		return fmt.Sprintf("%s = %s + (%s - %s) \u03b1", s.Out, s.A, s.B, s.C)
	case recipe.AddLoRA:
		return fmt.Sprintf("%s = %s + LoRA %s \u03b1", s.Out, s.A, s.B)
	case recipe.TripleSum:
		return fmt.Sprintf("%s = %s (1-\u03b1-\u03b2) + %s \u03b1 + %s \u03b2", s.Out, s.A, s.B, s.C)
	}
	return fmt.Sprintf("%s = (%s (1-\u03b1) + %s \u03b1) (1-\u03b2) + %s \u03b2", s.Out, s.A, s.B, s.C)
}
