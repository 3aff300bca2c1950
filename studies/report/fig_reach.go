package report

import (
	"fmt"

	"mixmatch/studies/report/picture"
)

// drawReach draws, for each block, what was achieved, the ceiling, and the best single
// source.
func drawReach(p *View, f *Figure) {
	if len(p.Blocks) == 0 {
		return
	}
	f.Caption = "Cosine similarity to the target, in each block: a filled circle is what the recipe achieves, an upright line the ceiling, which no mix of these sources passes, a square the best source by itself."
	f.Table.Head = []string{"block", "achieved", "ceiling", "best single source", "its similarity", "left, in roundings", "verdict"}
	lo := 1.0
	for _, b := range p.Blocks {
		lo = min(lo, b.Ceiling)
		if b.Achieved != nil {
			lo = min(lo, *b.Achieved)
		}
		single := "–"
		if b.Single != "" {
			lo = min(lo, b.SingleScore)
			single = percent(b.SingleScore)
		}
		f.Table.Rows = append(f.Table.Rows, []string{b.Name, percentOf(b.Achieved), percent(b.Ceiling), b.Single, single, few(b.Noise), string(b.Verdict)})
	}
	lo -= float64(max(1-lo, 1e-6) * 0.05)
	const left, right, row, top = 62.0, 78.0, 19.0, 36.0
	q := &picture.Picture{W: 620, H: top + float64(row*float64(len(p.Blocks))) + 34}
	at := func(v float64) float64 {
		return left + float64((max(v, lo)-lo)/(1-lo)*(q.W-left-right))
	}
	for i := range 5 {
		v := lo + float64(float64(i)*(1-lo)/4)
		q.Segment(at(v), top-4, at(v), q.H-30, picture.Grid, 1)
		q.Text(at(v), q.H-16, 10, picture.Middle, picture.Soft, percentShort(v, 1-lo))
	}
	q.Circle(left+6, 14, 4, picture.Series(0))
	q.Text(left+14, 18, 11, picture.Start, picture.Ink, "achieved")
	q.Segment(left+90, 7, left+90, 21, picture.Series(1), 2.5)
	q.Text(left+97, 18, 11, picture.Start, picture.Ink, "ceiling")
	q.Rect(left+156, 10, 8, 8, picture.Paper).Stroke(picture.Series(2), 1.8)
	q.Text(left+170, 18, 11, picture.Start, picture.Ink, "best single source")
	for i, b := range p.Blocks {
		y := top + float64(row*(float64(i)+0.5))
		q.Text(left-8, y+4, 11, picture.End, picture.Ink, picture.Fit(b.Name, 11, left-12))
		if b.Single != "" {
			q.Segment(at(b.SingleScore), y, at(b.Ceiling), y, picture.Grid, 3)
			q.Rect(at(b.SingleScore)-4, y-4, 8, 8, picture.Paper).Stroke(picture.Series(2), 1.8).Tip(b.Single + ": " + percent(b.SingleScore))
		}
		q.Segment(at(b.Ceiling), y-7, at(b.Ceiling), y+7, picture.Series(1), 2.5).Tip("ceiling: " + percent(b.Ceiling))
		if b.Achieved != nil {
			q.Circle(at(*b.Achieved), y, 4, picture.Series(0)).Tip("achieved: " + percent(*b.Achieved))
		}
		q.Text(q.W-8, y+4, 11, picture.End, picture.Ink, percentOf(b.Achieved))
	}
	f.Picture = q
}

// percentShort writes a similarity on an axis of a width.
func percentShort(v, width float64) string {
	digits := 0
	for w := 100 * width; w < 20 && digits < 6; w *= 10 {
		digits++
	}
	return fmt.Sprintf("%.*f%%", digits, 100*v)
}
