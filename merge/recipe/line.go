package recipe

import "strings"

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

// hasSum reports whether the line has an operator of an expression.
func (c *cursor) hasSum() bool {
	for _, t := range c.toks {
		if t.kind == plus || t.kind == times || t.kind == lora {
			return true
		}
	}
	return false
}

// unlist cuts off what marks a line of a list or a quotation.
func unlist(line string) string {
	s := strings.TrimSpace(line)
	for _, mark := range []string{"- ", "* ", "• ", "> "} {
		if rest, ok := strings.CutPrefix(s, mark); ok {
			return rest
		}
	}
	return line
}
