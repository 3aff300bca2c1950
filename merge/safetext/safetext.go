// Package safetext makes text from files fit to be shown to people: names,
// keys and messages may hold what moves a terminal's cursor (ESC, and U+009B,
// which means the same), turns the order of signs (U+202E), starts a new line
// (U+2028) or cannot be seen (U+200B). What such a sign is stays legible: it
// becomes an escape as in Go and JSON, \u202e.
//
// What goes to a program and not to a terminal keeps its text as it is.
package safetext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape appends r as an escape.
func escape(b *strings.Builder, r rune) {
	if r > 0xffff {
		fmt.Fprintf(b, "\\U%08x", r)
		return
	}
	fmt.Fprintf(b, "\\u%04x", r)
}

// Text returns s for people to read. Its lines stay lines.
func Text(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !seen(r) }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1: // no UTF-8
			fmt.Fprintf(&b, "\\x%02x", s[0])
		case r == '\n' || seen(r):
			b.WriteRune(r)
		default:
			escape(&b, r)
		}
		s = s[n:]
	}
	return b.String()
}

// seen reports whether r has a shape of its own and acts on nothing else.
func seen(r rune) bool { return unicode.IsGraphic(r) }

// Line returns s for people to read, on one line.
func Line(s string) string { return Text(strings.ReplaceAll(s, "\n", "; ")) }

// Short returns s for people to read, on one line, and no more than its first
// most bytes.
func Short(s string, most int) string {
	cut := ""
	if len(s) > most {
		cut = fmt.Sprintf("... (%d bytes)", len(s))
		s = s[:start(s, most)]
	}
	return Text(strings.ReplaceAll(s, "\n", " ")) + cut
}

// Quote returns s in quotes for a message, on one line, and its middle left out
// if it is long.
func Quote(s string) string {
	const head, tail = 80, 20
	if len(s) <= head+tail+20 {
		return strconv.Quote(s)
	}
	a, b := start(s, head), len(s)-tail
	for b < len(s) && !utf8.RuneStart(s[b]) {
		b++
	}
	return fmt.Sprintf("%q...%q (%d bytes)", s[:a], s[b:], len(s))
}

// start returns where the sign starts that byte at of s belongs to.
func start(s string, at int) int {
	n := at
	for n > 0 && n > at-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// Document returns a document, which is UTF-8, for people to read; tabs stay too.
// JSON means the same as before: such signs can be in its strings alone, where it
// has these escapes itself.
func Document(text []byte) []byte {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r == '\n' || r == '\t' || seen(r):
			b.WriteRune(r)
		case r > 0xffff: // two halves
			r -= 0x10000
			escape(&b, 0xd800+r>>10)
			escape(&b, 0xdc00+r&0x3ff)
		default:
			escape(&b, r)
		}
	}
	return []byte(b.String())
}
