package report

import (
	"fmt"
	"math"

	"mixmatch/merge/portable"
	"mixmatch/studies/report/picture"
)

// drawLeft draws what the mix leaves, by kind of tensor and block.
func drawLeft(p *View, f *Figure) {
	l := p.Left
	if l == nil {
		return
	}
	from := l.From
	if from == "" {
		from = "the nearest source"
	}
	f.Caption = fmt.Sprintf("How much of what separates the target from %s the mix leaves unexplained, in percent. The table also tells how many roundings of the target that is: 1 to a few is rounding and nothing else. Kinds go by the tensors' names.", from)
	h := &picture.Heat{Cols: p.blockNames(), Rows: l.Kinds, LoText: "0 %"}
	f.Table.Head = append([]string{"kind"}, h.Cols...)
	for k, row := range l.Cells {
		var values []float64
		var texts []string
		cells := []string{l.Kinds[k]}
		for _, c := range row {
			if c == nil {
				values, texts, cells = append(values, math.NaN()), append(texts, ""), append(cells, "–")
				continue
			}
			v := min(c.Share, 1)
			values, texts = append(values, v), append(texts, share100(c.Share))
			cells = append(cells, fmt.Sprintf("%s %%, %s roundings", few(100*c.Share), few(c.Roundings)))
			h.Hi = max(h.Hi, v)
		}
		h.Values, h.Texts = append(h.Values, values), append(h.Texts, texts)
		f.Table.Rows = append(f.Table.Rows, cells)
	}
	h.Hi = max(h.Hi, 0.01)
	h.HiText = few(100*h.Hi) + " %"
	f.Picture = h.Picture()
}

// drawValues draws the singular values of the matrices in which a LoRA was seen.
func drawValues(p *View, f *Figure) {
	if p.LoRA == nil {
		f.Absent = "no LoRA was seen"
		if !p.Finished {
			f.Absent = "a LoRA is looked for when the searches are done"
		}
		return
	}
	if len(p.LoRA.Matrices) == 0 {
		f.Absent = "the result was made before they were kept; begin a new study with --from this one to have them"
		return
	}
	f.Caption = "The singular values of what is left in each matrix that has a LoRA, largest first, as multiples of the largest that rounding noise would have (the dashed line). A LoRA of rank r has r of them, and then nothing."
	f.Table.Head = []string{"matrix", "rank", "singular values, in units of the noise's largest"}
	most, top := 1, 1.0
	for _, m := range p.LoRA.Matrices {
		name := m.Key
		if m.Part > 0 {
			name += fmt.Sprintf(" (part %d)", m.Part+1)
		}
		text := ""
		for i, v := range m.Values {
			if i > 0 {
				text += ", "
			}
			text += few(v / m.Edge)
			top = max(top, v/m.Edge)
		}
		most = max(most, len(m.Values))
		f.Table.Rows = append(f.Table.Rows, []string{name, fmt.Sprint(m.Rank), text})
	}
	const left, above, high = 52.0, 14.0, 220.0
	q := &picture.Picture{W: 520, H: above + high + 40}
	decades := math.Ceil(portable.Log(top)/math.Ln10 + 1e-9)
	x := func(i int) float64 { return left + float64((float64(i)+0.5)*(q.W-left-14)/float64(most)) }
	y := func(v float64) float64 {
		d := portable.Log(max(v, 0.3)) / math.Ln10
		return above + float64((decades-d)/(decades+0.5)*high)
	}
	for d := range int(decades) + 1 {
		v := 1.0
		for range d {
			v *= 10
		}
		line := q.Segment(left, y(v), q.W-14, y(v), picture.Grid, 1)
		if d == 0 {
			line.Stroke(picture.Soft, 1.2).Dash()
		}
		q.Text(left-6, y(v)+4, 10, picture.End, picture.Soft, few(v))
	}
	for _, m := range p.LoRA.Matrices {
		var xs, ys []float64
		for i, v := range m.Values {
			xs, ys = append(xs, x(i)), append(ys, y(v/m.Edge))
		}
		q.Line(xs, ys, picture.Series(0), 1)
		for i := range xs {
			q.Circle(xs[i], ys[i], 1.8, picture.Series(0))
		}
	}
	every := 1 + most/20
	for i := range most {
		if i%every == 0 {
			q.Text(x(i), above+high+16, 10, picture.Middle, picture.Soft, fmt.Sprint(i+1))
		}
	}
	q.Text((left+q.W)/2, q.H-6, 11, picture.Middle, picture.Soft, "number of the singular value")
	f.Picture = q
}

// drawAlike draws how alike the sources' differences are.
func drawAlike(p *View, f *Figure) {
	a := p.Alike
	if a == nil {
		return
	}
	f.Caption = fmt.Sprintf("Cosines between what separates each from %s: 100 is the same direction, 0 has nothing in common. Sources that are much alike can stand in for each other.", a.From)
	if a.Others > 0 {
		f.Caption += fmt.Sprintf(" %d more sources are left out.", a.Others)
	}
	if a.Skipped > 0 {
		f.Caption += fmt.Sprintf(" Left out are %d tensors that some model lacks.", a.Skipped)
	}
	h := &picture.Heat{Rows: a.Names, Cols: a.Names, Hi: 1, LoText: "0", HiText: "100"}
	f.Table.Head = append([]string{"source"}, a.Names...)
	for i, row := range a.Cosines {
		var values []float64
		var texts []string
		cells := []string{a.Names[i]}
		for _, c := range row {
			cells = append(cells, tableNumber(c, 4))
			if c == nil {
				values, texts = append(values, math.NaN()), append(texts, "")
				continue
			}
			h.Lo = min(h.Lo, *c)
			values, texts = append(values, *c), append(texts, fmt.Sprintf("%.0f", 100**c))
		}
		h.Values, h.Texts = append(h.Values, values), append(h.Texts, texts)
		f.Table.Rows = append(f.Table.Rows, cells)
	}
	h.LoText = fmt.Sprintf("%.0f", 100*h.Lo)
	f.Picture = h.Picture()
}
