// Package picture draws the few shapes that the program's pictures are made of,
// as SVG and as PNG.
//
// A [Picture] is a list of shapes in the order in which they are painted. Colours
// are either roles, such as [Ink], which a page gives its light and its dark theme
// ([Variables]), or numbers, such as those of a [Scale]. Every picture has a title
// and a description for those who cannot see it.
package picture

import (
	"strings"

	"mixmatch/merge/safetext"
)

// A Paint is what a shape is filled or drawn with: a role, a colour as #rrggbb, or ""
// for nothing.
type Paint string

// The roles. [Series] are for lines that belong together.
const (
	Ink   Paint = "ink"   // text and what matters most
	Soft  Paint = "soft"  // text that matters less
	Grid  Paint = "grid"  // lines to measure by
	Paper Paint = "paper" // the ground
)

// Series returns the paint of the i-th of several things. There are six, apart for the
// colour-blind too (Okabe and Ito, Color Universal Design, 2008, darkened on white);
// after them it begins anew, so shapes must differ besides.
func Series(i int) Paint { return Paint("s" + string(rune('1'+i%series))) }

const series = 6

// An Anchor is where a text stands relative to its point.
type Anchor int

// The anchors.
const (
	Start Anchor = iota
	Middle
	End
)

// A Picture is shapes on a ground of W by H units, of which a screen shows about one a
// pixel.
type Picture struct {
	Title, Desc string // for those who cannot see it
	W, H        float64

	shapes []*Shape
}

type kind byte

const (
	rectKind kind = iota
	lineKind
	circleKind
	textKind
)

// A Shape is one of a picture's. Its methods change it and return it.
type Shape struct {
	kind       kind
	x, y, w, h float64 // w is a circle's radius
	xs, ys     []float64
	fill, line Paint
	width      float64
	dashed     bool
	bold       bool
	upward     bool // a text that reads from below
	text       string
	anchor     Anchor
	size       float64
	mark, tip  string
}

func (p *Picture) add(s *Shape) *Shape {
	p.shapes = append(p.shapes, s)
	return s
}

// Rect adds a rectangle.
func (p *Picture) Rect(x, y, w, h float64, fill Paint) *Shape {
	return p.add(&Shape{kind: rectKind, x: x, y: y, w: w, h: h, fill: fill})
}

// Line adds a line from point to point, of xs and ys.
func (p *Picture) Line(xs, ys []float64, line Paint, width float64) *Shape {
	return p.add(&Shape{kind: lineKind, xs: xs, ys: ys, line: line, width: width})
}

// Segment adds a straight line.
func (p *Picture) Segment(x0, y0, x1, y1 float64, line Paint, width float64) *Shape {
	return p.Line([]float64{x0, x1}, []float64{y0, y1}, line, width)
}

// Circle adds a circle.
func (p *Picture) Circle(x, y, r float64, fill Paint) *Shape {
	return p.add(&Shape{kind: circleKind, x: x, y: y, w: r, fill: fill})
}

// Text adds a text whose base line is at y. What cannot be seen in it is made an
// escape.
func (p *Picture) Text(x, y, size float64, anchor Anchor, fill Paint, text string) *Shape {
	return p.add(&Shape{kind: textKind, x: x, y: y, size: size, anchor: anchor, fill: fill, text: safetext.Line(text)})
}

// Stroke gives the shape an outline.
func (s *Shape) Stroke(line Paint, width float64) *Shape {
	s.line, s.width = line, width
	return s
}

// Dash breaks the shape's line.
func (s *Shape) Dash() *Shape {
	s.dashed = true
	return s
}

// Bold makes a text bold.
func (s *Shape) Bold() *Shape {
	s.bold = true
	return s
}

// Upward turns a text so that it reads from below.
func (s *Shape) Upward() *Shape {
	s.upward = true
	return s
}

// Mark names the shape for a page's script, which finds it by its data-of.
func (s *Shape) Mark(of string) *Shape {
	s.mark = of
	return s
}

// Tip gives the shape a title that a pointer shows.
func (s *Shape) Tip(text string) *Shape {
	s.tip = safetext.Line(text)
	return s
}

// Fit returns text, cut so that it takes no more than width at a size.
func Fit(text string, size, width float64) string {
	text = safetext.Line(text)
	if Width(text, size) <= width {
		return text
	}
	runes := []rune(text)
	for n := len(runes) - 1; n > 0; n-- {
		if cut := strings.TrimSpace(string(runes[:n])) + "…"; Width(cut, size) <= width {
			return cut
		}
	}
	return "…"
}
