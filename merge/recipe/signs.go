package recipe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// halfWidth returns the line with signs and digits of East Asian width, and
// typographic signs, as the ASCII ones that they stand for, rune by rune.
func halfWidth(line string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '、', '，':
			return ','
		case '−', '–', '－':
			return '-'
		case '✕', '✖', '⨯', 'ｘ':
			return '×'
		case '⇒', '➡', '➜', '⟶':
			return '→'
		}
		const shift = 0xFEE0 // of the full-width forms
		if a := r - shift; a > ' ' && a < 0x7f && (r == 'Ｘ' || !unicode.IsLetter(r)) {
			return a
		}
		return r
	}, line)
}

// bold is Markdown's mark of bold text, which counts as a blank.
const bold = "**"

// isBlank reports whether r separates words: blanks, the backticks of Markdown,
// and signs that cannot be seen.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || r == '`' || isInvisible(r)
}

func isInvisible(r rune) bool {
	switch r {
	case 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF:
		return true
	}
	return false
}

// blankWidth returns the number of bytes of the blank that s begins with, 0 if
// it begins with none.
func blankWidth(s string) int {
	if strings.HasPrefix(s, bold) {
		return len(bold)
	}
	if r, w := utf8.DecodeRuneInString(s); w > 0 && isBlank(r) {
		return w
	}
	return 0
}

// arrowAt returns the end of the arrow at line[i], which stands for "=", and -1
// if there is none. A - in a name is no arrow's: that has a blank before it.
func arrowAt(line string, i int) int {
	if strings.IndexByte("=-<:\xe2", line[i]) < 0 { // as most are
		return -1
	}
	for _, arrow := range []string{"=>", "→", "←", "-->", "->", "<--", "<-", ":="} {
		if strings.HasPrefix(line[i:], arrow) && (arrow[0] != '-' && arrow[0] != '<' && arrow[0] != ':' || blankBefore(line, i)) {
			return i + len(arrow)
		}
	}
	return -1
}

// pointsRight and pointsLeft report where the arrow of an assignment has the
// name of the result; an "=" may have it on either side.
func (t token) pointsRight() bool { return strings.HasSuffix(t.text, ">") || t.text == "→" }

func (t token) pointsLeft() bool {
	return strings.HasPrefix(t.text, "<") || t.text == "←" || t.text == ":="
}

// isBracketVector reports whether s begins with numbers in square brackets or
// braces, with a comma between them. The hash behind a model's name has none.
func isBracketVector(s string) bool {
	const most = 4096 // bytes of a vector
	end := strings.IndexAny(s[:min(len(s), most)], "]}")
	return end > 0 && strings.Contains(s[:end], ",") && strings.Trim(s[1:end], "0123456789.,+-eE% \t?") == "" && (s[0] == '[') == (s[end] == ']')
}

// findBigX makes each X that stands between a model and its ratio an operator.
// Elsewhere it is a name or a part of one.
func (c *cursor) findBigX() {
	at := c.assignment()
	left := c.sumBefore(at)
	for i := 1; i+1 < len(c.toks); i++ {
		t, prev, next := c.toks[i], c.toks[i-1].kind, c.toks[i+1]
		if t.kind != word || t.text != "X" || prev != word && prev != quoted && prev != shut || at >= 0 && (i < at) != left {
			continue
		}
		ratio := next.kind == hole || next.kind == one || next.kind == word && (next.text == "alpha" || next.text == "beta" || numeric(next.text))
		if ratio && (i+2 == len(c.toks) || c.toks[i+2].kind != times && c.toks[i+2].text != "X") {
			c.toks[i].kind = times
		}
	}
}

// sumBefore reports whether the expression stands before the assignment at
// token at, or alone.
func (c *cursor) sumBefore(at int) bool {
	left := at < 0
	for _, t := range c.toks[:max(at, 0)] {
		left = left || t.kind == plus || t.kind == times || t.kind == lora
	}
	return left
}

// origin returns where in the written line the byte line[i] was, which begins a
// rune or ends the line.
func (c *cursor) origin(i int) int {
	if c.line == c.written {
		return i
	}
	if c.origins == nil {
		c.origins = make([]int, len(c.line)+1)
		to := 0
		for at, r := range c.written {
			c.origins[to] = at
			to += len(halfWidth(string(r)))
		}
		c.origins[len(c.line)] = len(c.written)
	}
	return c.origins[i]
}
