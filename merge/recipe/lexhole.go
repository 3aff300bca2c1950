package recipe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexHole reads ?, ?all and either with bounds, as in ?[0,0.5].
func lexHole(line string, i int) token {
	c := coef{kind: openOwn, lo: DefaultLo, hi: DefaultHi}
	to := i + 1
	if strings.HasPrefix(line[to:], "all") {
		c.kind = openShared
		to += len("all")
	}
	wrong := func(text string) token { return token{kind: bad, text: text, to: to} }
	if strings.HasPrefix(line[to:], "[") {
		n := strings.IndexByte(line[to:], ']')
		if n < 0 {
			return wrong("the bounds of an open ratio have no ]")
		}
		f := strings.FieldsFunc(line[to+1:to+n], func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		to += n + 1
		if len(f) != 2 {
			return wrong("an open ratio has two bounds, as in ?[0,0.5]")
		}
		var err1, err2 error
		c.lo, err1 = parseNumber(f[0])
		c.hi, err2 = parseNumber(f[1])
		switch {
		case err1 != nil:
			return wrong("lower bound " + err1.Error())
		case err2 != nil:
			return wrong("upper bound " + err2.Error())
		case c.lo >= c.hi:
			return wrong("the bounds " + line[to-n-1:to] + " hold nothing between them")
		}
		c.bounds = true
	}
	if before, mode, _, _ := cutCalc(line[to:]); mode != "" && before == "" {
		return token{kind: hole, text: line[i:to], to: to, coef: c}
	}
	if !blankAfter(line, to) && !strings.ContainsRune(",()=", rune(line[to])) {
		return wrong("an open ratio is ? or ?[lo,hi]")
	}
	return token{kind: hole, text: line[i:to], to: to, coef: c}
}

// lexRest reads a rest, as in (1-alpha-beta), and reports whether there is one
// at line[i], a parenthesis. It looks no further than two items, so a vector of
// numbers is never taken for one.
func lexRest(line string, i int) (c coef, to int, ok bool) {
	skip := func() {
		for to < len(line) && blankAfter(line, to) {
			_, w := utf8.DecodeRuneInString(line[to:])
			to += w
		}
	}
	c.kind = rest
	to = i + 1
	skip()
	switch {
	case strings.HasPrefix(line[to:], "1.0"):
		to += 3
	case strings.HasPrefix(line[to:], "1"):
		to++
	default:
		return c, 0, false
	}
	for {
		skip()
		if to == len(line) {
			return c, 0, false
		}
		if line[to] == ')' {
			return c, to + 1, len(c.rest) > 0
		}
		if line[to] != '-' || len(c.rest) == 2 {
			return c, 0, false
		}
		to++
		skip()
		if strings.HasPrefix(line[to:], "?") {
			t := lexHole(line, to)
			if t.kind == bad && strings.HasPrefix(line[t.to:], "-") { // (1-?-?)
				t = lexHole(line[:t.to], to)
			}
			if t.kind != hole {
				return c, 0, false
			}
			c.rest = append(c.rest, t.coef)
			to = t.to
			continue
		}
		n := strings.IndexFunc(line[to:], func(r rune) bool { return r == '-' || r == ')' || unicode.IsSpace(r) })
		if n <= 0 {
			return c, 0, false
		}
		item, ok := parseCoef(line[to : to+n])
		if !ok {
			return c, 0, false
		}
		c.rest = append(c.rest, item)
		to += n
	}
}

// parseCoef reads alpha, beta or a number.
func parseCoef(s string) (coef, bool) {
	switch s {
	case "alpha":
		return coef{kind: alpha}, true
	case "beta":
		return coef{kind: beta}, true
	}
	v, err := parseNumber(s)
	return coef{value: v}, err == nil
}
