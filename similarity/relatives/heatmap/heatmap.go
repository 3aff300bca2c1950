// Package heatmap draws the table of how alike models are: a coloured cell a pair, the
// numbers in them where they fit, names, and the tree of who is joined with whom.
//
// [New] draws once, in whole pixels, and [Picture.SVG] and [Picture.PNG] write what was
// drawn. The same table gives the same bytes on every processor.
package heatmap

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"mixmatch/merge/safetext"
	"mixmatch/similarity/relatives"
)

// Most is how many models a picture has room for.
const Most = 500

// ErrTooMany is wrapped if there are more.
var ErrTooMany = errors.New("too many models for a picture")

// A Chart is what to draw.
type Chart struct {
	Title  string
	Notes  []string // lines below
	Matrix *relatives.Matrix
	Tree   *relatives.Tree

	// Low is the number that the scale begins with: -1 for cosines that may be of
	// either sign, in which case 0 is white. Its end is 1.
	Low float64
}

// Pixels. All text is of one width, that of the font that PNG has.
const (
	margin    = 16
	line      = 20 // of text
	letter    = 8
	wideCell  = 32 // with room for a number of two digits
	plainCell = 40 // of three, behind a point
	smallCell = 16 // of no more than the height of a name
	treeWidth = 120
	gap       = 8
	longest   = 36 // columns of a name
	showMost  = 40 // models, with numbers in the cells
)

// New draws a chart. The error wraps [ErrTooMany].
func New(c Chart) (*Picture, error) {
	n := len(c.Matrix.Names)
	if n > Most {
		return nil, fmt.Errorf("%w: %d, not more than %d", ErrTooMany, n, Most)
	}
	cell := smallCell
	if n <= showMost {
		if cell = wideCell; c.Low >= 0 {
			cell = plainCell
		}
	}
	names, widest := make([]string, n), 0
	for i, name := range c.Matrix.Names {
		names[i] = safetext.Fit(safetext.Line(name), longest)
		widest = max(widest, safetext.Columns(names[i]))
	}
	labels := widest * letter
	left := margin + treeWidth + gap
	title := wrap(c.Title, max(40, (treeWidth+gap+n*cell+gap+labels)/letter))
	top := margin + len(title)*line + gap + labels + gap
	p := &Picture{Title: safetext.Line(c.Title)}
	for i, t := range title {
		p.text(margin, margin+i*line+line/2, t, black, start)
	}
	for x, i := range c.Tree.Order {
		middle := left + x*cell + cell/2
		p.shapes = append(p.shapes, shape{kind: textShape, x: middle, y: top - gap, text: names[i], colour: black, align: start, upright: true})
		p.text(left+n*cell+gap, top+x*cell+cell/2, names[i], black, start)
	}
	c.cells(p, names, left, top, cell)
	c.tree(p, margin, top, cell)
	below := c.scale(p, left, top+n*cell+2*gap)
	width := left + max(n*cell+gap+labels, scaleWidth+4*letter) + margin
	for _, note := range c.Notes {
		for _, t := range wrap(note, (width-2*margin)/letter) {
			p.text(margin, below+line/2, t, black, start)
			below += line
		}
	}
	p.Width, p.Height = width, below+margin
	for _, t := range title {
		p.Width = max(p.Width, 2*margin+safetext.Columns(t)*letter)
	}
	return p, nil
}

// cells draws the table.
func (c *Chart) cells(p *Picture, names []string, left, top, cell int) {
	for y, i := range c.Tree.Order {
		for x, j := range c.Tree.Order {
			v := c.Matrix.Values[i][j]
			fill := c.colour(v)
			p.shapes = append(p.shapes, shape{
				kind: rectShape, x: left + x*cell, y: top + y*cell, w: cell, h: cell, colour: fill,
				text: fmt.Sprintf("%s, %s: %s", names[i], names[j], c.number(v)),
			})
			if cell < wideCell || i == j {
				continue
			}
			ink := black
			if fill.dark() {
				ink = white
			}
			p.text(left+x*cell+cell/2, top+y*cell+cell/2, c.short(v), ink, centre)
		}
	}
}

// number writes a value for a sentence.
func (c *Chart) number(v float64) string {
	if v != v {
		return "no number"
	}
	return fmt.Sprintf("%.4f", v)
}

// short writes a value for a cell: in hundredths or, on a scale of cosines near 1, the
// first digits behind the point.
func (c *Chart) short(v float64) string {
	switch {
	case v != v:
		return ""
	case c.Low < 0:
		return fmt.Sprintf("%d", int(math.Round(100*v)))
	case v < 0:
		return "<0"
	case v > 0.9995:
		return "1"
	}
	return strings.TrimPrefix(fmt.Sprintf("%.3f", v), "0")
}

// tree draws the joins, from the table to the left: the farther, the less alike.
func (c *Chart) tree(p *Picture, left, top, cell int) {
	n := len(c.Matrix.Names)
	least := 1.0
	for _, j := range c.Tree.Joins {
		least = min(least, j.Cosine)
	}
	at := func(v float64) int {
		if least >= 1 {
			return left + treeWidth
		}
		return left + int(math.Round((v-least)/(1-least)*treeWidth))
	}
	x, y := make([]int, n, 2*n), make([]int, n, 2*n)
	for row, i := range c.Tree.Order {
		x[i], y[i] = left+treeWidth, top+row*cell+cell/2
	}
	for _, j := range c.Tree.Joins {
		to := min(at(j.Cosine), x[j.A], x[j.B])
		p.line(to, y[j.A], x[j.A], y[j.A])
		p.line(to, y[j.B], x[j.B], y[j.B])
		p.line(to, min(y[j.A], y[j.B]), to, max(y[j.A], y[j.B]))
		x, y = append(x, to), append(y, (y[j.A]+y[j.B])/2)
	}
}

const (
	scaleWidth = 256
	scaleStep  = 4
)

// scale draws the colours and what they mean, and returns where it ends.
func (c *Chart) scale(p *Picture, left, top int) int {
	for x := 0; x < scaleWidth; x += scaleStep {
		v := c.along(x + scaleStep/2)
		p.shapes = append(p.shapes, shape{kind: rectShape, x: left + x, y: top, w: scaleStep, h: line, colour: c.colour(v)})
	}
	format := "%.1f"
	if c.Low >= 0 {
		format = "%.3f"
	}
	for _, part := range []int{0, scaleWidth / 2, scaleWidth} {
		p.text(left+part, top+line+line/2, fmt.Sprintf(format, c.along(part)), black, centre)
	}
	return top + 3*line
}

// along returns the value so many pixels along the scale.
func (c *Chart) along(x int) float64 {
	return c.Low + float64((1-c.Low)*float64(x)/scaleWidth)
}

// wrap breaks text into lines of so many columns, at spaces where there are some.
func wrap(text string, columns int) []string {
	var all []string
	now := ""
	for _, word := range strings.Fields(safetext.Line(text)) {
		word = safetext.Fit(word, columns)
		if now != "" && safetext.Columns(now)+1+safetext.Columns(word) > columns {
			all, now = append(all, now), ""
		}
		if now != "" {
			now += " "
		}
		now += word
	}
	if now != "" {
		all = append(all, now)
	}
	return all
}
