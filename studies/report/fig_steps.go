package report

import (
	"fmt"
	"math"
	"slices"

	"mixmatch/studies/report/picture"
)

// drawSteps draws the similarity after each step, a line for each group.
func drawSteps(p *View, f *Figure) {
	if len(p.Steps) == 0 {
		return
	}
	f.Caption = "Cosine similarity of the model after each step of the recipe, as its author would have watched it grow. A line ends where a step does not go on from the one before, but begins another model, to be joined later."
	f.Table.Head = []string{"step", "merge", "evidence"}
	lo := 1.0
	for _, g := range p.Groups {
		f.Table.Head = append(f.Table.Head, string(g.Name))
	}
	for i, s := range p.Steps {
		row := []string{fmt.Sprint(i + 1), s.Text, string(s.Evidence)}
		for _, g := range p.Groups {
			cell := "–"
			if v, ok := s.Similarity[g.Name]; ok {
				lo = min(lo, v)
				cell = percent(v)
				if a, ok := s.Published[g.Name]; ok {
					cell += " (similar.py " + percent(a) + ")"
				}
			}
			row = append(row, cell)
		}
		f.Table.Rows = append(f.Table.Rows, row)
	}
	lo -= float64(max(1-lo, 1e-6) * 0.06)
	const left, right, top, high = 64.0, 130.0, 14.0, 240.0
	q := &picture.Picture{W: 620, H: top + high + 40}
	x := func(i int) float64 {
		return left + float64((float64(i)+0.5)*(q.W-left-right)/float64(len(p.Steps)))
	}
	y := func(v float64) float64 { return top + float64((1-v)/(1-lo)*high) }
	for i := range 5 {
		v := lo + float64(float64(i)*(1-lo)/4)
		q.Segment(left, y(v), q.W-right, y(v), picture.Grid, 1)
		q.Text(left-6, y(v)+4, 10, picture.End, picture.Soft, percentShort(v, 1-lo))
	}
	every := 1 + len(p.Steps)/25
	for i := range p.Steps {
		if i%every == 0 {
			q.Text(x(i), top+high+16, 10, picture.Middle, picture.Soft, fmt.Sprint(i+1))
		}
	}
	q.Text((left+q.W-right)/2, q.H-6, 11, picture.Middle, picture.Soft, "step")
	type label struct {
		y    float64
		k    int
		text string
	}
	var labels []label
	for k, g := range p.Groups {
		var xs, ys []float64 // of the chain of steps that is being drawn
		last := math.NaN()
		for i, s := range p.Steps {
			v, ok := s.Similarity[g.Name]
			if !ok {
				continue
			}
			if p.Begins[i] && len(xs) > 0 {
				q.Line(xs, ys, picture.Series(k), 2)
				xs, ys = nil, nil
			}
			xs, ys, last = append(xs, x(i)), append(ys, y(v)), v
			marker(q, k, x(i), y(v))
		}
		if len(xs) == 0 {
			continue
		}
		q.Line(xs, ys, picture.Series(k), 2)
		labels = append(labels, label{y(last), k, fmt.Sprintf("%s %s", picture.Fit(string(g.Name), 11, 52), percent(last))})
	}
	slices.SortStableFunc(labels, func(a, b label) int {
		if a.y < b.y {
			return -1
		}
		if a.y > b.y {
			return 1
		}
		return 0
	})
	below := top
	for _, l := range labels {
		at := max(l.y, below)
		below = at + 15
		marker(q, l.k, q.W-right+8, at)
		q.Text(q.W-right+16, at+4, 11, picture.Start, picture.Ink, l.text)
	}
	f.Picture = q
}

// marker draws the k-th kind of point: shape tells what colour does.
func marker(q *picture.Picture, k int, x, y float64) {
	switch k % 3 {
	case 0:
		q.Circle(x, y, 3.4, picture.Series(k))
	case 1:
		q.Rect(x-3, y-3, 6, 6, picture.Series(k))
	default:
		q.Circle(x, y, 3, picture.Paper).Stroke(picture.Series(k), 1.8)
	}
}
