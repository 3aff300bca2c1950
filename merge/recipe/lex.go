package recipe

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	word   kind = iota // a name or a part of one, a number, alpha, beta
	quoted             // a name in quotes; text is the name
	hole               // ?, ?all, ?[lo,hi]
	one                // (1-alpha), (1-alpha-beta), (1-?), (1-0.3)
	open               // (
	shut               // )
	comma              // ,
	equals             // =
	plus               // +
	minus              // -
	times              // x
	lora               // <lora:NAME:0.7>; text is the name
	calc               // _tensor_beta_0.25: text is the mode, coef.value beta or NaN
	bad                // text says what is wrong; an error only where notation is due
	end                // what follows the last token
)

// A token is a piece of a line, line[from:to].
type token struct {
	kind     kind
	text     string
	from, to int
	coef     coef      // of a hole or a one
	weights  []float64 // of a LoRA, none to two
}

// A coef is what stands after an x.
type coef struct {
	kind   coefKind
	value  float64 // of a number
	lo, hi float64 // of an open one
	bounds bool    // whether it states its bounds
	rest   []coef  // of a rest: what is taken from 1
}

type coefKind uint8

const (
	number coefKind = iota
	alpha
	beta
	openOwn    // ?, which means the same as openShared unless in a vector
	openShared // ?all
	rest       // 1 minus others
)

// lex cuts a line into tokens, up to a remark that begins with # or //. Every
// line can be cut, since prose has to be too.
//
// Model names hold "-", "+", "." and "x", so what is an operator depends on the
// blanks: "-" has one on both sides, "+" a blank or a parenthesis on one side
// at least, "x" a blank or a parenthesis on both.
func lex(line string) []token {
	var toks []token
	for i := 0; i < len(line); {
		r, w := utf8.DecodeRuneInString(line[i:])
		if unicode.IsSpace(r) {
			i += w
			continue
		}
		if line[i] == '#' || strings.HasPrefix(line[i:], "//") {
			break
		}
		t := lexAt(line, i)
		t.from = i
		toks = append(toks, t)
		i = t.to
	}
	return toks
}

// lexAt returns the token that begins at line[i], which is not a blank.
func lexAt(line string, i int) token {
	single := func(k kind) token { return token{kind: k, text: line[i : i+1], to: i + 1} }
	switch line[i] {
	case '(':
		if c, to, ok := lexRest(line, i); ok {
			return token{kind: one, text: line[i:to], to: to, coef: c}
		}
		return single(open)
	case ')':
		return single(shut)
	case ',':
		return single(comma)
	case '=':
		return single(equals)
	case '"':
		q, err := strconv.QuotedPrefix(line[i:])
		if err != nil {
			return token{kind: bad, text: `a quoted name has no end, or a \ that should be \\`, to: len(line)}
		}
		name, err := strconv.Unquote(q)
		if err != nil || name == "" {
			return token{kind: bad, text: "a quoted name is empty or malformed", to: i + len(q)}
		}
		return token{kind: quoted, text: name, to: i + len(q)}
	case '?':
		return lexHole(line, i)
	case '<':
		if t, ok := lexLoRA(line, i); ok {
			return t
		}
	case '+':
		if plusAt(line, i) {
			return single(plus)
		}
	case '-':
		if blankBefore(line, i) && blankAfter(line, i+1) {
			return single(minus)
		}
	}
	for _, x := range []string{"x", "×", "*"} {
		if to := i + len(x); strings.HasPrefix(line[i:], x) &&
			(blankBefore(line, i) || line[i-1] == ')') && (blankAfter(line, to) || line[to] == '(') {
			return token{kind: times, text: x, to: to}
		}
	}
	to := i + 1
	for to < len(line) && !strings.ContainsRune("(),=", rune(line[to])) && !blankAfter(line, to) &&
		(line[to] != '+' || !plusAt(line, to)) && !loraAt(line, to) {
		to++
	}
	before, mode, ratio, end := cutCalc(line[i:])
	switch {
	case mode == "":
		return token{kind: word, text: line[i:to], to: to}
	case before != "":
		return token{kind: word, text: before, to: i + len(before)}
	}
	return token{kind: calc, text: mode, to: i + end, coef: coef{value: ratio}}
}

// plusAt reports whether the + at line[i] is an operator.
func plusAt(line string, i int) bool {
	return blankBefore(line, i) || blankAfter(line, i+1) ||
		strings.ContainsRune("()", rune(line[i-1])) || strings.ContainsRune("()", rune(line[i+1]))
}

// blankBefore reports whether line[:i] ends in a blank or is empty.
func blankBefore(line string, i int) bool {
	r, w := utf8.DecodeLastRuneInString(line[:i])
	return w == 0 || unicode.IsSpace(r)
}

// blankAfter reports whether line[i:] begins with a blank or is empty.
func blankAfter(line string, i int) bool {
	r, w := utf8.DecodeRuneInString(line[i:])
	return w == 0 || unicode.IsSpace(r)
}

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
