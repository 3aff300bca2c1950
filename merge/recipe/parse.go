package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
)

// MaxText is how many bytes of text [Parse] reads.
const MaxText = 1 << 20

// maxLine is how long a line of notation may be.
const maxLine = 1 << 16

// Options say how to read a recipe. The zero Options are strict.
type Options struct {
	// Aliases are names to read in place of others: it maps the name as
	// written to the one meant. Names are never guessed.
	Aliases map[string]string

	// Lenient skips the lines that are not notation, as those of an article
	// are. A line of notation that is wrong stays an error.
	Lenient bool

	// Result keeps only the steps that this name needs, unless it is "".
	Result string
}

// Parse reads a recipe in SuperMerger's notation: a step to a line, its result
// on either side of "=", and its vectors in the line or below it.
//
//	OpenBra + (Evt_V4_e04_ema - v1-5-pruned-emaonly) x 0.08 = TEMP1
//	FINAL = TEMP1 x (1-alpha) + "dreamshaper 6" x alpha
//	alpha = (0.0,0.0, ... ,0.15)
//
// Model names hold "-", "+", "." and "x", so operators stand between blanks,
// and a name that has blanks and signs, or parentheses, is quoted as in Go. A
// ratio left open is written ?, with its bounds ?[0,0.5]: in place of a number
// it is one for all blocks; in a vector it is the block's own, and ?all there
// the shared one. Steps may come in any order. A remark begins with # or //, or
// with - after a vector. What SuperMerger prints for a merge is read as it is;
// such a step without a name is called MERGE1, MERGE2 and so on. Calculation
// modes stand where it prints them, as in "x 0.08_cosineA" or "x alpha _tensor".
//
// LoRAs are added behind a model or a merge, each as a step of its own:
//
//	A + <lora:STYLE> x 0.7 + <lora:FACE> x 0.3 = OUT
//	OUT <lora:HAND:0.5> = FINAL
//
// Lines below a step may give some keys a ratio of their own, as its elemental
// merge does (blocks:words:ratio), name the only blocks or keys to merge or
// those to keep from model A, and give the gamma of extract:
//
//	elemental = IN01-IN08:attn1:0.5, NOT M00:NOT attn2:0.25
//	exclude = BASE VAE attn2.to_q
//	gamma = 1
//
// An error begins with "line N: ", unless it is about the whole: text without a
// step, too much of it, or a Result that no step makes.
func Parse(l *block.Layout, text string, opt Options) (*Recipe, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("the text has %d bytes; at most %d are read", len(text), MaxText)
	}
	p := &parser{layout: l, lenient: opt.Lenient, waiting: map[string][]*draft{}}
	n := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		n++
		err := p.line(line, n)
		if err == nil && len(p.drafts) > MaxSteps {
			err = fmt.Errorf("more than %d steps", MaxSteps)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	for _, d := range p.drafts {
		if len(d.lacks) > 0 {
			name := d.lacks[0]
			return nil, d.errorf("%s is left without %s: it wants %s = (%d numbers) on the next line", quote(d.Out), name, name, l.Len())
		}
	}
	result := opt.Result
	if to, ok := opt.Aliases[result]; ok {
		result = to
	}
	return build(l, p.steps(opt.Aliases), result)
}

// A parser reads a recipe line by line.
type parser struct {
	layout  *block.Layout
	lenient bool
	drafts  []*draft
	waiting map[string][]*draft // those that lack alpha, and beta, last read last
}

// line reads one line.
func (p *parser) line(line string, n int) error {
	if p.lenient {
		line = unlist(line)
	}
	if len(line) > maxLine {
		if p.lenient {
			return nil
		}
		return fmt.Errorf("the line has %d bytes; a step has at most %d", len(line), maxLine)
	}
	c := &cursor{line: line, toks: lex(line)}
	if len(c.toks) == 0 {
		return nil
	}
	if key := c.key(); key >= 0 {
		return p.vectorLine(c, key)
	}
	if o, ok := optionOf(line); ok && !c.isNotation() {
		if err := p.option(o); !p.lenient {
			return err
		}
		return nil
	}
	if p.lenient && !c.isNotation() {
		return p.bareFormula(c, n)
	}
	drafts, err := p.step(c)
	if err != nil {
		return err
	}
	p.add(drafts, n)
	return nil
}

// add appends drafts read on line n.
func (p *parser) add(drafts []*draft, n int) {
	for _, d := range drafts {
		d.Line = n
		p.drafts = append(p.drafts, d)
		for _, name := range d.lacks {
			p.waiting[name] = append(p.waiting[name], d)
		}
	}
}

// vectorLine reads a line of vectors. Each belongs to the latest step that
// still lacks it.
func (p *parser) vectorLine(c *cursor, key int) error {
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
	p.add(drafts, n)
	return nil
}

// step reads a line's step, or steps: each LoRA in it is one of its own. With an
// error it returns some too if the line is an expression of some mode, so what
// is wrong is in its vectors or its name.
func (p *parser) step(c *cursor) ([]*draft, error) {
	at := c.assignment()
	var out string
	left := at < 0 // whether the expression is on the left of "=", or alone
	for _, t := range c.toks[:max(at, 0)] {
		left = left || t.kind == plus || t.kind == times || t.kind == lora
	}
	if !left {
		var err error
		if out, err = c.outName(); err != nil {
			return nil, err
		}
		if t, ok := c.take(equals); !ok {
			return nil, c.unexpected(t, "=")
		}
	} else if at < 0 && !c.hasSum() && c.peek().kind != bad {
		return nil, fmt.Errorf("%s is not notation (a remark begins with #)", show(strings.TrimSpace(c.line)))
	}
	terms, err := c.expr(0)
	if err != nil {
		return nil, err
	}
	drafts, err := newDrafts(p.layout, terms)
	if err != nil {
		return nil, err
	}
	last := drafts[len(drafts)-1]
	d := last // whose vectors follow
	if i := slices.IndexFunc(drafts, func(d *draft) bool { return len(d.lacks) > 0 }); i >= 0 {
		d = drafts[i]
	}
	found, err := c.vectors(p.layout, d)
	if err != nil {
		return drafts, err
	}
	if left && at >= 0 {
		if t, ok := c.take(equals); !ok {
			return drafts, c.unexpected(t, "=")
		}
		if out, err = c.outName(); err != nil {
			return drafts, err
		}
		if t := c.peek(); t.kind == equals {
			return drafts, c.errorf(t, "a second = in the line")
		}
		more, err := c.vectors(p.layout, d)
		if err != nil {
			return drafts, err
		}
		found = more
	}
	last.Out = out
	if d.Calc != "" && len(drafts) > 1 {
		return drafts, errors.New("a calculation mode could be meant for the models or the LoRAs: write a step for each")
	}
	return drafts, p.remark(c, found)
}

// remark checks that nothing is left of the line but what may be a remark.
func (p *parser) remark(c *cursor, afterVector bool) error {
	t := c.peek()
	if t.kind == end || p.lenient || afterVector && (t.kind == minus || t.kind == word && (t.text == "–" || t.text == "—")) {
		return nil
	}
	return c.unexpected(t, "the end of the line, or a remark after #,")
}
