package picture

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"

	"mixmatch/merge/safetext"
)

// SVG returns the picture as a file of its own.
func (p *Picture) SVG() []byte {
	var b strings.Builder
	p.write(&b, "picture", true)
	return []byte(b.String())
}

// Inline returns the picture as an element of a page, in which id is no other's. The
// page has [Rules].
func (p *Picture) Inline(id string) string {
	var b strings.Builder
	p.write(&b, id, false)
	return b.String()
}

func (p *Picture) write(b *strings.Builder, id string, alone bool) {
	b.WriteString("<svg ")
	if alone {
		fmt.Fprintf(b, `xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" `, number(p.W), number(p.H))
	}
	id = text(id)
	fmt.Fprintf(b, `class="pic" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-t %[3]s-d" font-family="system-ui,sans-serif">`+"\n", number(p.W), number(p.H), id)
	fmt.Fprintf(b, "<title id=\"%s-t\">%s</title>\n<desc id=\"%[1]s-d\">%s</desc>\n", id, text(p.Title), text(p.Desc))
	if alone {
		fmt.Fprintf(b, "<style>%s</style>\n", ownStyle())
		fmt.Fprintf(b, `<rect width="%s" height="%s" class="f-paper"/>`+"\n", number(p.W), number(p.H))
	}
	for _, s := range p.shapes {
		s.write(b)
	}
	b.WriteString("</svg>\n")
}

func (s *Shape) write(b *strings.Builder) {
	name := map[kind]string{rectKind: "rect", lineKind: "path", circleKind: "circle", textKind: "text"}[s.kind]
	b.WriteString("<" + name)
	switch s.kind {
	case rectKind:
		fmt.Fprintf(b, ` x="%s" y="%s" width="%s" height="%s"`, number(s.x), number(s.y), number(s.w), number(s.h))
	case lineKind:
		b.WriteString(` d="`)
		for i := range s.xs {
			b.WriteString([]string{"M", "L"}[min(i, 1)] + number(s.xs[i]) + " " + number(s.ys[i]))
		}
		b.WriteString(`"`)
	case circleKind:
		fmt.Fprintf(b, ` cx="%s" cy="%s" r="%s"`, number(s.x), number(s.y), number(s.w))
	case textKind:
		if s.upward {
			fmt.Fprintf(b, ` transform="translate(%s %s)rotate(-90)"`, number(s.x), number(s.y))
		} else {
			fmt.Fprintf(b, ` x="%s" y="%s"`, number(s.x), number(s.y))
		}
		fmt.Fprintf(b, ` font-size="%s"`, number(s.size))
		if s.anchor != Start {
			fmt.Fprintf(b, ` text-anchor="%s"`, []string{"start", "middle", "end"}[s.anchor])
		}
		if s.bold {
			b.WriteString(` font-weight="bold"`)
		}
	}
	s.paint(b)
	if s.mark != "" {
		fmt.Fprintf(b, ` data-of="%s"`, text(s.mark))
	}
	inner := text(s.text)
	if s.tip != "" {
		inner = "<title>" + text(s.tip) + "</title>" + inner
	}
	if inner == "" {
		b.WriteString("/>\n")
		return
	}
	fmt.Fprintf(b, ">%s</%s>\n", inner, name)
}

// paint writes the colours: roles as classes, which the style knows.
func (s *Shape) paint(b *strings.Builder) {
	var classes []string
	for _, c := range []struct {
		paint     Paint
		attr, pre string
	}{{s.fill, "fill", "f-"}, {s.line, "stroke", "l-"}} {
		switch {
		case c.paint == "":
			if c.attr == "fill" {
				b.WriteString(` fill="none"`)
			}
		case c.paint[0] == '#':
			fmt.Fprintf(b, ` %s="%s"`, c.attr, html.EscapeString(string(c.paint)))
		default:
			classes = append(classes, c.pre+string(c.paint))
		}
	}
	if len(classes) > 0 {
		fmt.Fprintf(b, ` class="%s"`, strings.Join(classes, " "))
	}
	if s.line != "" {
		fmt.Fprintf(b, ` stroke-width="%s"`, number(s.width))
		if s.dashed {
			b.WriteString(` stroke-dasharray="4 3"`)
		}
		if s.kind == lineKind {
			b.WriteString(` stroke-linejoin="round"`)
		}
	}
}

// number writes a coordinate to a tenth: nobody sees more, and it is the same on every
// processor.
func number(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// text escapes what stands between tags or in quotes. What XML cannot have is made an
// escape of ours.
func text(s string) string { return html.EscapeString(safetext.Line(s)) }
