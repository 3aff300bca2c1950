package picture

import "math"

// A Heat is a table of numbers to be shown as cells of colour with the number in each.
type Heat struct {
	Title, Desc string
	Rows, Cols  []string
	Values      [][]float64 // by row; NaN where there is nothing
	Texts       [][]string  // in the cells, short
	Lo, Hi      float64     // the ends of the scale
	LoText      string      // what they are called
	HiText      string
	Cell        float64 // its side, 0 for one that is right for the texts
}

// Picture draws the table.
func (h *Heat) Picture() *Picture {
	const size, small, gap, most = 11.0, 9.0, 1.0, 190.0
	left, top, cell := 0.0, 0.0, h.Cell
	for _, r := range h.Rows {
		left = max(left, min(most, Width(r, size)))
	}
	for _, c := range h.Cols {
		top = max(top, min(most, Width(c, size)))
	}
	if cell == 0 {
		cell = 16
		for _, row := range h.Texts {
			for _, t := range row {
				cell = max(cell, Width(t, small)+5)
			}
		}
	}
	left, top = left+10, top+14
	high := max(18, min(cell, 26))
	p := &Picture{Title: h.Title, Desc: h.Desc}
	p.W = max(left+float64(float64(len(h.Cols))*cell)+10, 330)
	p.H = top + float64(float64(len(h.Rows))*high) + 52
	for j, c := range h.Cols {
		p.Text(left+float64((float64(j)+0.5)*cell)+size/3, top-6, size, Start, Ink, Fit(c, size, most)).Upward()
	}
	for i, r := range h.Rows {
		y := top + float64(float64(i)*high)
		p.Text(left-6, y+float64(high/2)+size/3, size, End, Ink, Fit(r, size, most))
		for j, c := range h.Cols {
			x := left + float64(float64(j)*cell)
			v, text := h.Values[i][j], h.Texts[i][j]
			if math.IsNaN(v) {
				p.Rect(x, y, cell-gap, high-gap, "").Stroke(Grid, 0.5)
				continue
			}
			share := h.share(v)
			p.Rect(x, y, cell-gap, high-gap, Scale(share)).Tip(r + ", " + c + ": " + text)
			p.Text(x+float64((cell-gap)/2), y+float64(high/2)+small/3, small, Middle, On(share), text)
		}
	}
	p.Legend(left, p.H-34, min(240, p.W-left-10), h.LoText, h.HiText)
	return p
}

func (h *Heat) share(v float64) float64 {
	if !(h.Hi > h.Lo) {
		return 0
	}
	return (v - h.Lo) / (h.Hi - h.Lo)
}

// Legend draws the scale with its ends, of which a page's script finds the texts as
// "lo" and "hi".
func (p *Picture) Legend(x, y, width float64, lo, hi string) {
	const steps = 24
	for i := range steps {
		w := width / steps
		p.Rect(x+float64(float64(i)*w), y, w+0.3, 10, Scale(float64(i)/(steps-1)))
	}
	p.Text(x, y+24, 11, Start, Soft, lo).Mark("lo")
	p.Text(x+width, y+24, 11, End, Soft, hi).Mark("hi")
}
