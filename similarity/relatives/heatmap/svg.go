package heatmap

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// told is how many rectangles may tell what they stand for when pointed at: with more
// the file is too large for most programs.
const told = 64 * 64

// SVG returns the picture as SVG 1.1, with nothing in it that is fetched or executed.
func (p *Picture) SVG() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" font-family="monospace" font-size="13">`+"\n", p.Width, p.Height)
	fmt.Fprintf(&w, "<title>%s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n", escape(p.Title))
	rects := 0
	for _, s := range p.shapes {
		if s.kind == rectShape && s.text != "" {
			rects++
		}
	}
	for _, s := range p.shapes {
		switch s.kind {
		case rectShape:
			fmt.Fprintf(&w, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"`, s.x, s.y, s.w, s.h, s.colour)
			if s.text == "" || rects > told {
				w.WriteString("/>\n")
			} else {
				fmt.Fprintf(&w, "><title>%s</title></rect>\n", escape(s.text))
			}
		case lineShape: // half a pixel in, so that it covers one
			fmt.Fprintf(&w, `<path d="M%d.5 %d.5L%d.5 %d.5" stroke="%s"/>`+"\n", s.x, s.y, s.w, s.h, s.colour)
		case textShape:
			// Where the baseline is for dominant-baseline is not known to all programs.
			x, y, turn := s.x, s.y+4, ""
			if s.upright {
				x, y = s.x+4, s.y
				turn = fmt.Sprintf(` transform="rotate(-90 %d %d)"`, x, y)
			}
			anchor := ""
			if s.align == centre {
				anchor = ` text-anchor="middle"`
			}
			fill := ""
			if s.colour != black {
				fill = fmt.Sprintf(` fill="%s"`, s.colour)
			}
			fmt.Fprintf(&w, `<text x="%d" y="%d"%s%s%s>%s</text>`+"\n", x, y, anchor, fill, turn, escape(s.text))
		}
	}
	w.WriteString("</svg>\n")
	return w.Bytes()
}

// escape returns text as it stands in XML. What cannot be in XML is an escape already:
// see package safetext.
func escape(text string) string {
	var w bytes.Buffer
	if err := xml.EscapeText(&w, []byte(text)); err != nil {
		panic(err) // a buffer has no errors
	}
	return w.String()
}
