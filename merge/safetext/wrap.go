package safetext

import "strings"

// Wrap fills text, which is fit to be shown, into lines of so many columns, with indent
// before the first and rest before those after it. Lines break between words; a word
// that is longer than a line has one of its own.
func Wrap(text, indent, rest string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = indent + word
		case Columns(line)+1+Columns(word) > width:
			lines, line = append(lines, line), rest+word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
