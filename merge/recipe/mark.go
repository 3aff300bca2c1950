package recipe

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The marks of lists that people put before a step: "1.", "2)", "(3)", "[4]",
// "a)", "iv.", or what such an entry is called.
var (
	bullet    = regexp.MustCompile(`^(>|[-*+](\s+\[[ xX]?\])?\s|[•・※●○◦▪■◆▶►▼]|[–—]\s)`)
	numbered  = regexp.MustCompile(`^(\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})([.)]|:\s)(\s|$|\*\*|[^\d\s.])`)
	enclosed  = regexp.MustCompile(`^[(\[【](\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[)\]】]`)
	keycap    = regexp.MustCompile(`^(\d\x{FE0F}?\x{20E3}|🔟)`)
	stepLabel = regexp.MustCompile(`(?i)^(step|stage|phase|merge|part|手順|ステップ|工程|マージ|步骤)\s*[#№]?\s*(\d{1,3}|[A-Z])?\s*([.:)]|[-–—]\s)`)
	recipeOf  = regexp.MustCompile(`(?i)^(recipe|formula|merge recipe|レシピ|配合|配方)\s*:`)
)

// cutMarks returns where a line begins behind what marks it in a list or a
// quotation, and what it is called there, as in "Step 1: A x 0.5 + B x 0.5". A
// model whose name begins as such a mark does needs quotes.
func cutMarks(line string) (at int, label string) {
	const most = 8 // marks
	for range most {
		at += blanks(line[at:])
		s := line[at:]
		if n := len(bullet.FindString(s)); n > 0 {
			at += n
			continue
		}
		n, name := markWidth(s)
		if n == 0 || !beginsStep(s[n:]) {
			return at, label
		}
		if name != "" {
			label = name
		}
		at += n
	}
	return at, label
}

// markWidth returns how many bytes of s are a mark other than a bullet, and the
// label if it is one.
func markWidth(s string) (n int, label string) {
	if m := stepLabel.FindString(s); m != "" {
		return len(m), strings.TrimRight(m, ".:)-–— \t")
	}
	if m := recipeOf.FindString(s); m != "" {
		return len(m), ""
	}
	if m := numbered.FindStringSubmatchIndex(s); m != nil {
		n := m[5]                                                       // behind the sign
		if s[m[4]] != '.' || m[6] == m[7] || blankWidth(s[m[6]:]) > 0 { // 1.5, or a.b
			return n, ""
		}
	}
	for _, re := range []*regexp.Regexp{enclosed, keycap} {
		if m := re.FindString(s); m != "" {
			return len(m), ""
		}
	}
	r, w := utf8.DecodeRuneInString(s)
	if isEnclosed(r) {
		rest := s[w:]
		return w + len(rest) - len(strings.TrimLeft(rest, ".):")), ""
	}
	return 0, ""
}

// isEnclosed reports whether r is a number or letter in a circle, in
// parentheses or with a point: ①, ⑴, ⒈, ❶.
func isEnclosed(r rune) bool {
	return r >= 0x2460 && r <= 0x24FF || r >= 0x2776 && r <= 0x2793 || r >= 0x3251 && r <= 0x325F || r >= 0x32B1 && r <= 0x32BF
}

// beginsStep reports whether s goes on as a line would that has a mark: what
// stands before an operator is a name.
func beginsStep(s string) bool {
	s = s[blanks(s):]
	if s == "" {
		return false
	}
	t := lexAt(s, 0, -1)
	switch t.kind {
	case plus, minus, times, equals, comma, shut:
		return false
	}
	return t.text != "X" || len(s) < 2 || !unicode.IsSpace(rune(s[1])) || strings.HasPrefix(strings.TrimSpace(s[1:]), "x ")
}

// blanks returns the number of bytes of the blanks that s begins with.
func blanks(s string) (n int) {
	for {
		w := blankWidth(s[n:])
		if w == 0 {
			return n
		}
		n += w
	}
}

// isRule reports whether the line is Markdown's: a rule between parts, or the
// fence around code.
func isRule(line string) bool {
	s := strings.TrimSpace(line)
	if rest := strings.TrimLeft(s, "`"); len(s)-len(rest) >= 3 || strings.HasPrefix(s, "~~~") {
		return !strings.ContainsAny(rest, "=+")
	}
	return len(s) >= 3 && strings.Trim(s, s[:1]) == "" && strings.ContainsAny(s[:1], "-_=*")
}

// heading returns what stands behind the signs of a heading of Markdown. A
// single # is a remark.
func heading(line string) (text string, ok bool) {
	s := line[blanks(line):]
	rest := strings.TrimLeft(s, "#")
	return rest, len(s)-len(rest) >= 2
}
