package report

import (
	"fmt"
	"io"
	"strings"

	"mixmatch/merge/safetext"
)

// A Page says how text is laid out. The zero Page is for files and pipes: 80 columns,
// but for prose, of which no line is broken, so that it can be searched.
type Page struct {
	Width  int  // of the terminal in columns, into which prose is broken; 0 for none
	Wide   bool // tables of 200 columns, and long lists whole
	Colour bool // the signs of ECMA-48 for colours beside the words that say the same
}

// Narrow and wide are how wide tables are.
const narrow, wide = 80, 200

// tableWidth is how wide tables may be.
func (p Page) tableWidth() int {
	switch {
	case p.Wide:
		return wide
	case p.Width > 0:
		return min(narrow, max(40, p.Width))
	}
	return narrow
}

// A colour is one of the eight of every terminal, which a dark and a light one can
// both show.
type colour int

const (
	bold   colour = 1
	red    colour = 31
	green  colour = 32
	yellow colour = 33
)

// A printer remembers the first error, so that each line need not.
type printer struct {
	w    io.Writer
	page Page
	err  error
}

// f prints. Names in arguments are made fit to be shown.
func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, shown(args)...)
	}
}

func shown(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = safetext.Text(s)
		}
	}
	return args
}

// in returns text in a colour, if there are any. The text is not made fit to be shown:
// see raw.
func (p *printer) in(c colour, text string) string {
	if !p.page.Colour {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, text)
}

// raw prints text that is fit to be shown already.
func (p *printer) raw(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

// prose prints a line, or the lines that it takes; those after the first are
// indented.
func (p *printer) prose(indent, format string, args ...any) {
	text := indent + fmt.Sprintf(format, shown(args)...)
	p.raw(strings.Join(broken(text, indent+"  ", p.page.Width), "\n") + "\n")
}

// broken breaks a text between words into lines of so many columns, all if that is 0,
// and puts indent before those after the first.
func broken(text, indent string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	margin := text[:len(text)-len(strings.TrimLeft(text, " "))]
	return safetext.Wrap(text, margin, indent, width)
}

// fit returns a text in exactly so many columns: with blanks behind it, or with its
// middle left out.
func fit(text string, width int) string {
	text = safetext.Fit(text, width)
	return text + strings.Repeat(" ", max(0, width-safetext.Columns(text)))
}
