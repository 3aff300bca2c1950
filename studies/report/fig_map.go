package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/studies/report/picture"
)

// measures are what a map may be coloured by besides sources.
var measures = []struct {
	name string
	of   func(b *Block) *float64
	text func(v float64) string
	desc string
}{
	{"similarity", func(b *Block) *float64 { return b.Achieved }, percent, "The cosine similarity of the recipe's model and the target."},
	{"explained", func(b *Block) *float64 { return b.Explained }, percent, "How much of what separates the target from the base the recipe explains."},
	{"gap to the ceiling", (*Block).gap, percent, "How much closer the best mix of these sources would come."},
	{"unexplained", func(b *Block) *float64 { return b.Unexplained }, percent, "How much of what separates the target from the base, or from the nearest source, is left."},
}

func indexOf(name string) int {
	for i, m := range measures {
		if m.name == name {
			return i
		}
	}
	return -1
}

func (c *Choice) source() bool { return indexOf(c.Name) < 0 }

// mostChoices is how many sources a map may be coloured by.
const mostChoices = 40

func drawMap(p *View, f *Figure) {
	if len(p.Blocks) == 0 {
		return
	}
	for _, m := range measures {
		if c := choice(p, m.name, m.desc, m.of, m.text); c != nil {
			f.Choices = append(f.Choices, *c)
		}
	}
	left := 0
	for _, s := range p.Sources {
		name := s.Name
		c := choice(p, "weight of "+safetext.Line(name), "The weight of "+safetext.Line(name)+" in each block.", func(b *Block) *float64 {
			if w := b.weight(name); w != nil {
				return &w.Weight
			}
			return nil
		}, func(v float64) string { return fmt.Sprintf("%.4f", v) })
		switch {
		case c == nil:
		case len(f.Choices) < mostChoices:
			f.Choices = append(f.Choices, *c)
		default:
			left++
		}
	}
	if len(f.Choices) == 0 {
		return
	}
	f.Picture = p.mapOf(&f.Choices[0])
	f.Caption = "Each block of the network with its number: the further down, the coarser what it sees. What goes in on the left comes out on the right; dashed are the skip connections. A prompt comes in by BASE, the text encoder."
	if !isUNet(p) {
		f.Caption = "Each block of the network with its number, in the order of the network."
	}
	if left > 0 {
		f.Caption += fmt.Sprintf(" It can be coloured by the weights of the first sources; %d more are in the table of weights.", left)
	}
	f.Table.Head = []string{"block", "group"}
	for _, c := range f.Choices {
		f.Table.Head = append(f.Table.Head, c.Name)
	}
	for _, b := range p.Blocks {
		row := []string{b.Name, string(b.Group)}
		for _, c := range f.Choices {
			t := c.Cells[safetext.Line(b.Name)].Text
			if t == "" {
				t = "–"
			}
			row = append(row, t)
		}
		f.Table.Rows = append(f.Table.Rows, row)
	}
}

// choice makes a choice of a number of each block, nil if none has it.
func choice(p *View, name, desc string, of func(b *Block) *float64, text func(float64) string) *Choice {
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range p.Blocks {
		if v := of(&p.Blocks[i]); v != nil {
			lo, hi = min(lo, *v), max(hi, *v)
		}
	}
	if lo > hi {
		return nil
	}
	if strings.HasPrefix(name, "gap") || name == "unexplained" || strings.HasPrefix(name, "weight") {
		lo = min(lo, 0)
	}
	c := &Choice{Name: name, Desc: desc, Lo: text(lo), Hi: text(hi), Cells: map[string]mapColor{}}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		v := of(b)
		if v == nil {
			continue
		}
		share := 1.0
		if text(lo) != text(hi) {
			share = (*v - lo) / (hi - lo)
		} else if lo == 0 {
			share = 0
		}
		c.Cells[safetext.Line(b.Name)] = mapColor{text(*v), picture.Scale(share), picture.On(share)}
	}
	return c
}

var inOrOut = regexp.MustCompile(`^(IN|OUT)([0-9]{2})$`)

// isUNet reports whether the page's blocks are those of a UNet: as many ways in as out.
func isUNet(p *View) bool {
	if p.layout == nil {
		return false
	}
	names := p.layout.Names()
	ins, outs := 0, 0
	for _, n := range names {
		switch m := inOrOut.FindStringSubmatch(n); {
		case m == nil:
		case m[1] == "IN":
			ins++
		default:
			outs++
		}
	}
	return ins > 0 && ins == outs && slices.Contains(names, "M00")
}

// The measures of a map.
const (
	mapWidth, boxWidth, boxHeight, rowHeight = 400.0, 150.0, 26.0, 31.0
)

// mapOf draws the map coloured by c.
func (p *View) mapOf(c *Choice) *picture.Picture {
	q := &picture.Picture{W: mapWidth, Title: "Map of the network: " + c.Name, Desc: c.Desc}
	if isUNet(p) {
		p.drawUNet(q, c)
	} else {
		p.drawStrip(q, c)
	}
	q.Legend(100, q.H-40, 200, c.Lo, c.Hi)
	return q
}

// drawUNet draws the blocks as they hang together: ways in on the left, the middle below,
// ways out on the right, each opposite of the one whose output it gets.
func (p *View) drawUNet(q *picture.Picture, c *Choice) {
	names := p.layout.Names()
	n := 0
	for _, name := range names {
		if strings.HasPrefix(name, "IN") {
			n++
		}
	}
	const top = 66.0
	left := func(i int) (x, y float64) { // of row i
		return 8 + float64(float64(i/3)*10), top + float64(float64(i)*rowHeight)
	}
	right := func(i int) (x, y float64) {
		x, y = left(i)
		return mapWidth - x - boxWidth, y
	}
	q.Text(8, 14, 11, picture.Start, picture.Soft, "text encoder")
	box(q, c, "BASE", 8, 20)
	q.Text(8, top-6, 11, picture.Start, picture.Soft, "encoder, in ↓")
	q.Text(mapWidth-8, top-6, 11, picture.End, picture.Soft, "decoder, out ↑")
	for i := range n {
		x, y := left(i)
		u, _ := right(i)
		q.Segment(x+boxWidth, y+boxHeight/2, u, y+boxHeight/2, picture.Soft, 1).Dash()
	}
	bottom := top + float64(float64(n)*rowHeight) + 8
	x, y := left(n - 1)
	middle := mapWidth / 2.0
	q.Line([]float64{x + boxWidth/2, x + boxWidth/2, middle - boxWidth/2}, []float64{y + boxHeight, bottom + boxHeight/2, bottom + boxHeight/2}, picture.Soft, 1.5)
	x, _ = right(n - 1)
	q.Line([]float64{x + boxWidth/2, x + boxWidth/2, middle + boxWidth/2}, []float64{y + boxHeight, bottom + boxHeight/2, bottom + boxHeight/2}, picture.Soft, 1.5)
	for i := range n - 1 {
		for _, side := range []func(int) (float64, float64){left, right} {
			x, y := side(i)
			q.Segment(x+boxWidth/2, y+boxHeight, x+boxWidth/2, y+rowHeight, picture.Soft, 1.5)
		}
	}
	for i := range n {
		x, y := left(i)
		box(q, c, fmt.Sprintf("IN%02d", i), x, y)
		x, y = right(i)
		box(q, c, fmt.Sprintf("OUT%02d", n-1-i), x, y)
	}
	box(q, c, "M00", middle-boxWidth/2, bottom)
	q.H = bottom + boxHeight + 56
}

// drawStrip draws the blocks of any other network in their order, group by group.
func (p *View) drawStrip(q *picture.Picture, c *Choice) {
	const across = 2
	y := 8.0
	groups := p.layout.Groups() // in the order of searches
	first := func(g block.Group) block.ID {
		for id := range p.layout.Group(g).All() {
			return id
		}
		return 0
	}
	slices.SortStableFunc(groups, func(a, b block.Group) int { return int(first(a)) - int(first(b)) })
	for _, g := range groups {
		q.Text(8, y+12, 11, picture.Start, picture.Soft, string(g))
		y += 18
		k := 0
		for id := range p.layout.Group(g).All() {
			x := 8 + float64(float64(k%across)*(mapWidth-8)/across)
			if k > 0 && k%across == 0 {
				y += rowHeight
			}
			wideBox(q, c, p.layout.Name(id), x, y, (mapWidth-16)/across-6)
			k++
		}
		y += rowHeight + 4
	}
	q.H = y + 48
}

func box(q *picture.Picture, c *Choice, name string, x, y float64) {
	wideBox(q, c, name, x, y, boxWidth)
}

// wideBox draws one block.
func wideBox(q *picture.Picture, c *Choice, name string, x, y, width float64) {
	cell, ok := c.Cells[safetext.Line(name)]
	text, ink := cell.Text, cell.Ink
	if !ok {
		text, ink = "–", picture.Soft
	}
	if ok {
		q.Rect(x, y, width, boxHeight, cell.Fill).Stroke(picture.Soft, 0.5).Mark("box " + name)
	} else { // nothing is known of it
		q.Rect(x, y, width, boxHeight, picture.Paper).Stroke(picture.Grid, 1).Mark("box " + name)
	}
	room := width - 14 - picture.Width(text, 11)
	q.Text(x+6, y+17, 11, picture.Start, ink, picture.Fit(name, 11, max(20, room))).Bold().Mark("name " + name)
	q.Text(x+width-6, y+17, 11, picture.End, ink, text).Mark("text " + name)
}

// tableNumber writes a number for a table, "–" for none.
func tableNumber(v *float64, digits int) string {
	if v == nil {
		return "–"
	}
	return strconv.FormatFloat(*v, 'f', digits, 64)
}
