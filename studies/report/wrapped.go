package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mixmatch/merge/safetext"
)

// wrapped prints text in lines of [identifyWidth], each behind indent and those after
// the first a little more.
func (p *printer) wrapped(indent, text string) {
	line := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > identifyWidth:
			p.f("%s\n", line)
			line = indent + "  " + word
		default:
			line += " " + word
		}
	}
	p.f("%s\n", line)
}

// list joins names, the first few of many.
func list(names []string) string {
	const most = 4
	shown := slices.Clone(names[:min(most, len(names))])
	for i, n := range shown {
		shown[i] = safetext.Line(n)
	}
	if n := len(names); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), n-most)
	}
	return strings.Join(shown, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
