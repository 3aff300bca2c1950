package recipe

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A cursor walks over the tokens of a line.
type cursor struct {
	written string // the line
	line    string // the same with ASCII signs, rune by rune; what tokens point to
	from    int    // where it begins behind the marks of a list
	label   string // what it is called in the list, "" mostly
	toks    []token
	i       int
	origins []int    // see origin
	alone   bool     // whether it is a line of vectors
	files   []string // the unquoted names read that are those of files
}

func (c *cursor) peek() token { return c.peekAt(0) }

func (c *cursor) peekAt(n int) token {
	if c.i+n < len(c.toks) {
		return c.toks[c.i+n]
	}
	return token{kind: end, from: len(c.line), to: len(c.line)}
}

// take returns the next token if it is a k.
func (c *cursor) take(k kind) (token, bool) {
	t := c.peek()
	if t.kind != k || k == end {
		return t, false
	}
	c.i++
	return t, true
}

// errorf returns an error that begins with the place of t.
func (c *cursor) errorf(t token, format string, args ...any) error {
	col := utf8.RuneCountInString(c.line[:t.from]) + 1
	return fmt.Errorf("column "+strconv.Itoa(col)+": "+format, args...)
}

// unexpected returns the error for t where want is due.
func (c *cursor) unexpected(t token, want string) error {
	switch t.kind {
	case bad:
		return c.errorf(t, "%s", t.text)
	case end:
		return c.errorf(t, "the line ends where %s is due", want)
	}
	return c.errorf(t, "%s where %s is due", show(t.text), want)
}

// A term is a model or an expression in parentheses, and what it is
// multiplied by.
type term struct {
	neg  bool // subtracted
	name string
	sub  []term // the expression; nil for a model
	coef *coef  // nil if there is none

	lora    bool      // name is that of a LoRA
	weights []float64 // of a LoRA, within its brackets
	blocks  []coef    // of a LoRA: what the weights are multiplied by, block by block
	behind  bool      // a LoRA without a + before it, as in a prompt
}

// maxDepth is how deep parentheses may nest. The four modes need one.
const maxDepth = 8

// expr reads terms with + and - between them.
func (c *cursor) expr(depth int) ([]term, error) {
	var terms []term
	neg, behind := false, false
	for {
		t, err := c.term(depth)
		if err != nil {
			return nil, err
		}
		t.neg, t.behind = neg, behind
		if c.toks[c.i-1].kind == word {
			if err := c.tab(&t, len(terms) == 0); err != nil {
				return nil, err
			}
		}
		terms = append(terms, t)
		neg, behind = false, false
		if _, ok := c.take(plus); ok {
			continue
		}
		if t.lora && c.moreTab() {
			c.i++
			continue
		}
		if _, neg = c.take(minus); neg {
			continue
		}
		if behind = c.peek().kind == lora; !behind {
			return terms, nil
		}
	}
}

func (c *cursor) term(depth int) (term, error) {
	var t term
	if p, ok := c.take(open); ok {
		if depth == maxDepth {
			return t, c.errorf(p, "parentheses nest deeper than %d: give the inner merges names of their own", maxDepth)
		}
		sub, err := c.expr(depth + 1)
		if err != nil {
			return t, err
		}
		if p, ok := c.take(shut); !ok {
			return t, c.unexpected(p, "+, - or )")
		}
		t.sub = sub
		if len(sub) == 1 && sub[0].coef == nil { // (A)
			t = sub[0]
		}
	} else if p, ok := c.take(lora); ok {
		t.name, t.lora, t.weights, t.blocks = p.text, true, p.weights, p.blocks
	} else {
		name, err := c.name()
		if err != nil {
			return t, err
		}
		t.name = name
	}
	if _, ok := c.take(times); ok {
		k, err := c.coef()
		if err != nil {
			return t, err
		}
		t.coef = &k
	} else if len(t.sub) == 1 { // (A x 0.5)
		t = t.sub[0]
	}
	return t, nil
}

// name reads the name of a model: one in quotes, or words. The latter may be
// that of a file.
func (c *cursor) name() (string, error) {
	if t, ok := c.take(quoted); ok {
		return t.text, nil
	}
	begins := c.i == 0
	first, ok := c.take(word)
	if !ok {
		return "", c.unexpected(first, "the name of a model")
	}
	last := first
	for t, ok := c.take(word); ok; t, ok = c.take(word) {
		last = t
	}
	written := c.written[c.origin(first.from):c.origin(last.to)]
	if err := checkName(written); err != nil {
		return "", c.errorf(first, "%w", err)
	}
	if begins && stepNumber.MatchString(written) {
		return "", c.errorf(first, "%s could be a number before the step or a part of the name: write 1. before the step, or quote the name", quote(written))
	}
	name, file := bare(written)
	if file != (spelling{}) {
		c.files = append(c.files, written)
	}
	return name, nil
}

// coef reads what stands after an x.
func (c *cursor) coef() (coef, error) {
	t := c.peek()
	switch t.kind {
	case one, hole:
		c.i++
		return t.coef, nil
	case word:
		if p := c.peekAt(1); p.kind == word && p.text == "%" {
			break
		}
		if k, ok := parseCoef(t.text); ok {
			c.i++
			return k, nil
		}
	case plus: // a sign
		if c.peekAt(1).kind != word {
			break
		}
		c.i++
	}
	v, err := c.number()
	return coef{value: v}, err
}

// number reads a plain number, or a percentage.
func (c *cursor) number() (float64, error) {
	t, ok := c.take(word)
	if !ok {
		return 0, c.unexpected(t, "a ratio")
	}
	text := t.text
	if p := c.peek(); p.kind == word && p.text == "%" {
		c.i++
		text += "%"
	}
	if part := fraction(text); part != "" {
		return 0, c.errorf(t, "ratio %s is a fraction: write %s", show(text), part)
	}
	if !numeric(text) {
		return 0, c.unexpected(t, "a ratio")
	}
	v, err := parseNumber(text)
	if err != nil {
		return 0, c.errorf(t, "ratio %w", err)
	}
	return v, nil
}
