package recipe

import (
	"strconv"
	"strings"
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
	blocks   []coef    // of a LoRA, none or one for each of its blocks
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

// lex cuts a line into tokens, behind what marks it in a list and up to a remark
// that begins with # or //. Every line can be cut, since prose has to be too.
//
// Model names hold "-", "+", "." and "x", so what is an operator depends on the
// blanks: "-" has one on both sides, "+" a blank or a parenthesis on one side
// at least, "x" a blank or a parenthesis on both. A big X is one too between a
// model and a ratio.
func lex(written string) *cursor {
	c := &cursor{written: written, line: halfWidth(written)}
	line := c.line
	c.from, c.label = cutMarks(line)
	bracket := -1 // where the square bracket ends that holds a vector
	for i := c.from; i < len(line); {
		if w := blankWidth(line[i:]); w > 0 {
			i += w
			continue
		}
		if line[i] == '#' || strings.HasPrefix(line[i:], "//") {
			break
		}
		t := lexAt(line, i, bracket)
		t.from = i
		switch {
		case t.kind == open && t.text != "(":
			bracket = i + strings.IndexAny(line[i:], "]}")
		case (t.kind == quoted || t.kind == lora) && line != written: // a name is as it is written
			own := lexAt(written, c.origin(i), -1)
			t.kind, t.text = own.kind, own.text
		}
		c.toks = append(c.toks, t)
		i = t.to
	}
	c.findBigX()
	return c
}

// lexAt returns the token that begins at line[i], which is not a blank. A
// bracket of a vector ends at line[bracket].
func lexAt(line string, i, bracket int) token {
	single := func(k kind) token { return token{kind: k, text: line[i : i+1], to: i + 1} }
	if to := arrowAt(line, i); to > 0 {
		return token{kind: equals, text: line[i:to], to: to}
	}
	if i == bracket {
		return single(shut)
	}
	switch line[i] {
	case '(':
		if c, to, ok := lexRest(line, i); ok {
			return token{kind: one, text: line[i:to], to: to, coef: c}
		}
		return single(open)
	case ')':
		return single(shut)
	case '[', '{':
		if isBracketVector(line[i:]) {
			return single(open)
		}
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
	for to < len(line) && !strings.ContainsRune("(),=", rune(line[to])) && !blankAfter(line, to) && to != bracket &&
		(line[to] != '+' || !plusAt(line, to)) && !loraAt(line, to) && arrowAt(line, to) < 0 {
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
	return w == 0 || isBlank(r) || strings.HasSuffix(line[:i], bold)
}

// blankAfter reports whether line[i:] begins with a blank or is empty.
func blankAfter(line string, i int) bool { return i == len(line) || blankWidth(line[i:]) > 0 }
