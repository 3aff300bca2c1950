package recipe

import (
	"cmp"
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

	// Note is called with what was read otherwise than it is written, a line each,
	// such as a number too many, and with ratios that may be meant otherwise. Nil
	// drops that.
	Note func(text string)

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
// Text may be pasted from anywhere: marks of lists, quotations and Markdown before
// and around a step are passed over, signs of East Asian width are those of
// ASCII, an arrow stands for "=", a percentage for a number, square brackets for
// those of a vector. Of an unquoted name that is a file's, as modelA.ckpt
// [bf603f9906], the ending, the hash and the folders are left out. What could
// mean two things is refused.
//
// LoRAs are added behind a model or a merge, each as a step of its own:
//
//	A + <lora:STYLE> x 0.7 + <lora:FACE> x 0.3 = OUT
//	OUT <lora:HAND:0.5> = FINAL
//	FINAL + STYLE:0.7,FACE:0.3
//
// The second is the form of prompts, the third that of SuperMerger's LoRA tab. A
// LoRA's vector may be one of its own blocks only; see [LoRABlocks].
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
	p := &parser{layout: l, lenient: opt.Lenient, waiting: map[string][]*draft{}, spelled: map[string]spelling{}}
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
	for _, d := range p.drafts {
		for _, note := range append(d.notes, d.manyTimes()...) {
			if opt.Note != nil {
				opt.Note(d.errorf("%s", note).Error())
			}
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
	spelled map[string]spelling // how names were written that are those of files
}

// line reads one line.
func (p *parser) line(line string, n int) error {
	if len(line) > maxLine {
		if p.lenient {
			return nil
		}
		return fmt.Errorf("the line has %d bytes; a step has at most %d", len(line), maxLine)
	}
	if text, ok := heading(line); ok && lex(text).isNotation() {
		return errors.New("it could be a heading, or a step that is taken out: leave the signs # out, or all but one")
	}
	if isRule(line) {
		return nil
	}
	c := lex(line)
	if len(c.toks) == 0 {
		return nil
	}
	if key := c.key(); key >= 0 {
		return p.vectorLine(c, key)
	}
	if o, ok := optionOf(c.line[c.from:]); ok && !c.isNotation() {
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
		return cmp.Or(c.decimalComma(), err)
	}
	return p.add(c, drafts, n)
}

// add appends the drafts of line n.
func (p *parser) add(c *cursor, drafts []*draft, n int) error {
	for _, file := range c.files {
		name, how := bare(file)
		if before := p.spelled[name]; how.clash(before) {
			return fmt.Errorf("%s could be the model %s of a line above, which was written otherwise, or another one: give one of them a name of its own", show(file), quote(name))
		}
		p.spelled[name] = how.merge(p.spelled[name])
	}
	for _, d := range drafts {
		d.Line = n
		p.drafts = append(p.drafts, d)
		for _, name := range d.lacks {
			p.waiting[name] = append(p.waiting[name], d)
		}
	}
	return nil
}

// step reads a line's step, or steps: each LoRA in it is one of its own. With an
// error it returns some too if the line is an expression of some mode, so what
// is wrong is in its vectors or its name.
func (p *parser) step(c *cursor) ([]*draft, error) {
	at := c.assignment()
	var out string
	left := c.sumBefore(at) // whether the expression is on the left of "=", or alone
	if at >= 0 && (left && c.toks[at].pointsLeft() || !left && c.toks[at].pointsRight()) {
		return nil, c.errorf(c.toks[at], "%s points away from the name of the result", c.toks[at].text)
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
	if last.Out = out; at < 0 {
		last.Out = c.label
	}
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
