package safetext

import (
	"unicode"

	"golang.org/x/text/width"
)

// Columns returns how many columns a terminal needs for text that is fit to be shown:
// two for a sign of East Asian width, none for one that stands over another.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

func columns(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	return 1
}

// Fit returns s, or as much of its beginning and its end as fits into so many columns, of
// which there must be some: what tells versions of a model apart stands at its end.
func Fit(s string, most int) string {
	if Columns(s) <= most {
		return s
	}
	all := []rune(s)
	head, tail := 0, len(all)
	left := most - 1 // the sign for what is left out
	for room := left * 2 / 3; head < tail && columns(all[head]) <= room; head++ {
		room -= columns(all[head])
		left -= columns(all[head])
	}
	for head < tail && columns(all[tail-1]) <= left {
		left -= columns(all[tail-1])
		tail--
	}
	for tail < len(all) && columns(all[tail]) == 0 { // it stands over what is gone
		tail++
	}
	return string(all[:head]) + "…" + string(all[tail:])
}
