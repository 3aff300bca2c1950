package report

import (
	"fmt"
	"math"

	"mixmatch/merge/portable"
	"mixmatch/studies/report/picture"
)

// lowest is the smallest distance drawn: smaller ones are rounding of the numbers that
// similarity is computed in.
const lowest = 1e-16

// mostBest is how many of the trials that were better than all before are in a table.
const mostBest = 12

// drawHistory draws a panel for each search: the best value so far, the trials in
// between, and the ceiling.
func drawHistory(p *View, f *Figure) {
	if len(p.Searches) == 0 {
		if p.Finished {
			f.Absent = "there was nothing to search, or the journals are gone"
		}
		return
	}
	f.Caption = "The distance to the target, 1 - similarity, on a logarithmic scale, by the number of trials: the line is the best so far, upright strokes are between the best and the worst of some trials in a row, the dashed line is the ceiling, which nothing goes below. A search begins at the closed form, so that it is often there at once."
	if p.Metric != "" {
		f.Caption += " The searches were by the attention similarity, which has no known ceiling."
	}
	f.Table.Head = []string{"search", "trials", "first", "best", "at trial", "ceiling", "better than all before"}
	const across, w, h, gap = 3, 206.0, 96.0, 22.0
	rows := (len(p.Searches) + across - 1) / across
	q := &picture.Picture{W: across * w, H: float64(float64(rows)*(h+gap)) + 8}
	for k := range p.Searches {
		s := &p.Searches[k]
		last := s.Best[len(s.Best)-1]
		ceiling := "–"
		if s.Ceiling != nil {
			ceiling = few(*s.Ceiling)
		}
		f.Table.Rows = append(f.Table.Rows, []string{s.Name, fmt.Sprint(s.Trials), few(s.Best[0].Value), few(last.Value), fmt.Sprint(last.Trial), ceiling, betters(s)})
		s.draw(q, float64(float64(k%across)*w), float64(float64(k/across)*(h+gap))+16, w, h)
	}
	f.Picture = q
}

// betters lists the trials that were better than all before, the last of them if they
// are many.
func betters(s *Search) string {
	all, text := s.Best, ""
	if n := len(all) - mostBest; n > 0 {
		all, text = all[n:], fmt.Sprintf("%d before, ", n)
	}
	for i, b := range all {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d: %s", b.Trial, few(b.Value))
	}
	return text
}

// draw draws s in a panel.
func (s *Search) draw(q *picture.Picture, x0, y0, w, h float64) {
	const left, right = 46.0, 8.0
	last := s.Best[len(s.Best)-1].Value
	lo, hi := logOf(last), logOf(s.Best[0].Value)
	for _, b := range s.Spans {
		if finite(b.Hi) {
			hi = max(hi, logOf(b.Hi))
		}
	}
	if s.Ceiling != nil {
		lo = min(lo, logOf(*s.Ceiling))
	}
	pad := float64(max(hi-lo, 0.2) * 0.12)
	lo, hi = lo-pad, hi+pad
	x := func(trial float64) float64 {
		return x0 + left + float64(float64((trial+0.5)/float64(s.Trials))*(w-left-right))
	}
	y := func(v float64) float64 { return y0 + float64((hi-max(lo, min(hi, logOf(v))))/(hi-lo)*h) }
	q.Text(x0+left, y0-4, 11, picture.Start, picture.Ink, picture.Fit(s.Name, 11, w/2)).Bold()
	q.Text(x0+w-right, y0-4, 10, picture.End, picture.Soft, fmt.Sprintf("%d trials", s.Trials))
	q.Rect(x0+left, y0, w-left-right, h, "").Stroke(picture.Grid, 1)
	if y(last) > y0+18 {
		q.Text(x0+left-4, y0+9, 10, picture.End, picture.Soft, few2(power(hi)))
	}
	q.Text(x0+left-4, y(last)+4, 10, picture.End, picture.Soft, few2(last))
	for _, b := range s.Spans {
		at := x(float64(float64(b.From+b.To) / 2))
		top, bottom := y(b.Hi), y(b.Lo)
		if bottom-top < 1 {
			top, bottom = top-0.5, bottom+0.5
		}
		q.Segment(at, top, at, bottom, picture.Series(5), 1)
	}
	// The staircase of the best so far. Corners that fall on one tenth of a unit are one:
	// however many trials there are, no more can be drawn, or seen.
	xs, ys := []float64{x(float64(s.Best[0].Trial))}, []float64{y(s.Best[0].Value)}
	put := func(u, v float64) {
		n := len(xs) - 1
		if tenth(u) == tenth(xs[n]) && tenth(v) == tenth(ys[n]) {
			return
		}
		if n > 0 && (tenth(u) == tenth(xs[n]) && tenth(xs[n]) == tenth(xs[n-1]) || tenth(v) == tenth(ys[n]) && tenth(ys[n]) == tenth(ys[n-1])) {
			xs[n], ys[n] = u, v // straight on
			return
		}
		xs, ys = append(xs, u), append(ys, v)
	}
	for _, b := range s.Best[1:] {
		put(x(float64(b.Trial)), ys[len(ys)-1])
		put(x(float64(b.Trial)), y(b.Value))
	}
	put(x(float64(s.Trials-1)), ys[len(ys)-1])
	q.Line(xs, ys, picture.Series(0), 2.4)
	if s.Ceiling != nil {
		q.Segment(x0+left, y(*s.Ceiling), x0+w-right, y(*s.Ceiling), picture.Series(1), 1.6).Dash().Tip("ceiling: " + few(*s.Ceiling))
	}
}

func tenth(v float64) float64 { return math.Round(10 * v) }

// logOf returns the decimal logarithm of a distance.
func logOf(v float64) float64 {
	if !(v > lowest) {
		v = lowest
	}
	return portable.Log(v) / math.Ln10
}

// power returns 10 to the power of e.
func power(e float64) float64 { return portable.Exp(e * math.Ln10) }

// few2 writes a distance in two digits.
func few2(v float64) string { return fmt.Sprintf("%.1g", v) }
