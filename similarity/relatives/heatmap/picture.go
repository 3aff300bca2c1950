package heatmap

// A Picture is a list of shapes in whole pixels, drawn one over the other on white.
type Picture struct {
	Title         string
	Width, Height int

	shapes []shape
}

type kind int

const (
	rectShape kind = iota
	lineShape      // along an axis, one pixel wide
	textShape
)

type align int

const (
	start align = iota
	centre
)

// A shape is a rectangle from x, y; a line from x, y to w, h; or a text whose middle
// line is at y, or upright text, which is read from below, whose middle line is at x.
// The text of a rectangle tells what it stands for.
type shape struct {
	kind       kind
	x, y, w, h int
	colour     colour
	text       string
	align      align
	upright    bool
}

func (p *Picture) text(x, y int, text string, c colour, a align) {
	p.shapes = append(p.shapes, shape{kind: textShape, x: x, y: y, text: text, colour: c, align: a})
}

func (p *Picture) line(x1, y1, x2, y2 int) {
	p.shapes = append(p.shapes, shape{kind: lineShape, x: x1, y: y1, w: x2, h: y2, colour: black})
}
