package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// key returns where "alpha =" or "beta =" begins in a line that is only that,
// with or without words and a colon before it, and -1 in another line.
func (c *cursor) key() int {
	for i, t := range c.toks {
		if t.kind != word {
			return -1
		}
		if c.isKey(i) && (i == 0 || strings.HasSuffix(c.toks[i-1].text, ":")) {
			return i
		}
	}
	return -1
}

// isNotation reports whether a line is meant as a step: whether it has an
// assignment, a sum, and a ratio. Headings such as "input_blocks +
// middle_block" and informal ones such as "X = A + B (BASE only)" are not.
func (c *cursor) isNotation() bool {
	var sum, ratio bool
	for i, t := range c.toks {
		sum = sum || t.kind == plus || t.kind == lora
		ratio = ratio || len(t.weights) > 0
		if t.kind == times && i+1 < len(c.toks) {
			n := c.toks[i+1]
			ratio = ratio || n.kind == one || n.kind == hole ||
				n.kind == word && (n.text == "alpha" || n.text == "beta" || numeric(n.text))
		}
	}
	return sum && ratio && c.assignment() >= 0
}

// assignment returns where the step's "=" is, and -1 if it has none.
func (c *cursor) assignment() int {
	for i, t := range c.toks {
		if t.kind == equals && (i == 0 || !c.isKey(i-1)) {
			return i
		}
	}
	return -1
}

// decimalComma returns an error if a ratio has a comma for its point, as people
// write numbers in most of Europe, and nil if none has.
func (c *cursor) decimalComma() error {
	for i := 0; i+3 < len(c.toks); i++ {
		n, sign, decimals := c.toks[i+1], c.toks[i+2], c.toks[i+3]
		if c.toks[i].kind == times && n.kind == word && sign.kind == comma && decimals.kind == word && n.to == sign.from && sign.to == decimals.from &&
			isDecimal(n.text+"."+decimals.text) {
			return c.errorf(n, "ratio %s has a comma: write %s.%s", show(n.text+","+decimals.text), n.text, decimals.text)
		}
	}
	return nil
}

// hasSum reports whether the line has an operator of an expression.
func (c *cursor) hasSum() bool {
	for _, t := range c.toks {
		if t.kind == plus || t.kind == times || t.kind == lora {
			return true
		}
	}
	return false
}

// vectorLine reads a line of vectors. Each belongs to the latest step that
// still lacks it.
func (p *parser) vectorLine(c *cursor, key int) error {
	c.alone = true
	c.i = key + 2
	surely := c.isVector()
	c.i = key
	for c.isKey(c.i) {
		name := c.peek().text
		d, err := p.latest(name)
		if err == nil {
			err = c.keyed(p.layout, d)
		}
		if err == nil {
			c.take(comma)
			if !c.isKey(c.i) {
				err = p.remark(c, true)
			}
		}
		if err != nil {
			if p.lenient && !surely {
				return nil
			}
			return err
		}
	}
	return nil
}

// latest returns the last step read that lacks the row called name.
func (p *parser) latest(name string) (*draft, error) {
	w := p.waiting[name]
	for len(w) > 0 {
		d := w[len(w)-1]
		if d.wants(name) {
			return d, nil
		}
		w = w[:len(w)-1]
		p.waiting[name] = w
	}
	return nil, fmt.Errorf("no step above lacks %s", name)
}

// bareFormula reads a line of an article that may be a formula without a name.
// It skips a line that is no formula, and one that only explains what alpha is.
func (p *parser) bareFormula(c *cursor, n int) error {
	if c.assignment() >= 0 || c.isPrompt() {
		return nil
	}
	drafts, err := p.step(c)
	var calc calcError
	switch {
	case drafts == nil && !errors.As(err, &calc):
		return nil
	case err != nil:
		return err
	case slices.ContainsFunc(drafts, func(d *draft) bool { return len(d.lacks) > 0 }):
		return nil
	}
	return p.add(c, drafts, n)
}
