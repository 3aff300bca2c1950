package report

import (
	"fmt"

	"mixmatch/similarity"
	"mixmatch/studies"
	"mixmatch/studies/report/picture"
)

// mostPanels is how many sources have their weights drawn.
const mostPanels = 24

// drawWeights draws a panel for each source: its weight in each block, with the range in
// which the truth lies in 95 of 100 cases.
func drawWeights(p *View, f *Figure) {
	var sources []Source
	for _, of := range []similarity.Standing{similarity.In, similarity.Perhaps, similarity.Out, ""} {
		for _, s := range p.Sources {
			if s.Evidence == of && s.Blocks > 0 {
				sources = append(sources, s)
			}
		}
	}
	if len(sources) == 0 {
		if len(p.Blocks) > 0 {
			f.Absent = "the recipe is not linear, so that its sources have no weights"
		}
		return
	}
	f.Table.Head = []string{"source", "evidence"}
	f.Table.Head = append(f.Table.Head, p.blockNames()...)
	for _, s := range sources {
		row := []string{s.Name, evidence(s.Evidence)}
		for i := range p.Blocks {
			row = append(row, weightText(p.Blocks[i].weight(s.Name)))
		}
		f.Table.Rows = append(f.Table.Rows, row)
	}
	f.Caption = "The share of each source in each block; upright lines are between what the true weight lies in 95 of 100 cases, as far as the frame goes; rings are weights that a twin may have as well. The dashed line is 0."
	if len(sources) > mostPanels {
		f.Caption += fmt.Sprintf(" %d more sources are in the table.", len(sources)-mostPanels)
		sources = sources[:mostPanels]
	}
	const left, panel, top = 56.0, 78.0, 22.0
	step := min(24, max(6, 570/float64(len(p.Blocks))))
	q := &picture.Picture{W: left + float64(step*float64(len(p.Blocks))) + 14}
	q.W = max(q.W, 330)
	for k, s := range sources {
		y0 := float64(float64(k)*panel) + top
		q.Text(8, y0-8, 12, picture.Start, picture.Ink, picture.Fit(s.Name, 12, q.W-170)).Bold()
		q.Text(q.W-10, y0-8, 11, picture.End, picture.Soft, evidence(s.Evidence)+", "+rangeText(s))
		lo, hi := min(0, s.Low), max(0, s.High)
		pad := float64(max(hi-lo, 1e-3) * 0.25)
		lo, hi = lo-pad, hi+pad
		high := panel - top - 6
		at := func(v float64) float64 { return y0 + float64((hi-min(max(v, lo), hi))/(hi-lo)*high) }
		q.Rect(left, y0, q.W-left-10, high, "").Stroke(picture.Grid, 1)
		q.Segment(left, at(0), q.W-10, at(0), picture.Soft, 0.7).Dash()
		q.Text(left-5, at(max(0, s.High))+4, 10, picture.End, picture.Soft, fmt.Sprintf("%.3f", max(0, s.High)))
		if s.Low < 0 {
			q.Text(left-5, at(s.Low)+4, 10, picture.End, picture.Soft, fmt.Sprintf("%.3f", s.Low))
		}
		for i := range p.Blocks {
			w := p.Blocks[i].weight(s.Name)
			if w == nil {
				continue
			}
			x := left + float64(step*(float64(i)+0.5))
			tip := s.Name + ", " + p.Blocks[i].Name + ": " + weightText(w)
			if w.Vague {
				q.Circle(x, at(w.Weight), 3, picture.Paper).Stroke(picture.Series(0), 1.5).Tip(tip)
				continue
			}
			q.Segment(x, at(min(w.Low, w.Weight-w.Error)), x, at(max(w.High, w.Weight+w.Error)), picture.Series(0), 1.5)
			q.Circle(x, at(w.Weight), 2.8, picture.Series(0)).Tip(tip)
		}
	}
	q.H = float64(float64(len(sources))*panel) + 46
	for i, name := range p.blockNames() {
		if step < 11 && i%2 == 1 {
			continue
		}
		q.Text(left+float64(step*(float64(i)+0.5))+4, q.H-8, 10, picture.Start, picture.Ink, picture.Fit(name, 10, 40)).Upward()
	}
	f.Picture = q
}

func evidence(s similarity.Standing) string {
	switch s {
	case similarity.In:
		return "surely in it"
	case similarity.Perhaps:
		return "perhaps"
	case similarity.Out:
		return "nothing speaks for it"
	}
	return "not known yet"
}

// rangeText writes the range of a source's weights.
func rangeText(s Source) string {
	lo, hi := fmt.Sprintf("%.4f", s.Low), fmt.Sprintf("%.4f", s.High)
	if lo == hi {
		return lo
	}
	return lo + " to " + hi
}

// weightText writes a weight and how far it may be off.
func weightText(w *studies.Weight) string {
	switch {
	case w == nil:
		return "–"
	case w.Vague:
		return fmt.Sprintf("%.4f (a twin may have it)", w.Weight)
	}
	return fmt.Sprintf("%.4f ± %s", w.Weight, errorBar(w.Error))
}
