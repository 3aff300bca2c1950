package recipe

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/block"
)

// A draft is a step that is being read: one that may still lack its rows.
type draft struct {
	Step
	lacks []string // of "alpha", "beta", those that no number was given for yet
	next  bool     // whether its model A is what the draft before makes
	notes []string
}

// newDrafts makes drafts of an expression: one of a merge of models, if it is
// more than a model, then one a LoRA. At most one of them lacks a row.
func newDrafts(l *block.Layout, terms []term) ([]*draft, error) {
	models, loras, err := cutLoRAs(terms)
	if err != nil {
		return nil, err
	}
	var drafts []*draft
	if alone := len(models) == 1 && models[0].sub == nil && models[0].coef == nil; !alone || len(loras) == 0 {
		d, err := newDraft(l, models)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, d)
	}
	for _, t := range loras {
		d, err := loraDraft(l, t)
		if err != nil {
			return nil, err
		}
		if d.next = len(drafts) > 0; !d.next {
			d.A = models[0].name
		}
		drafts = append(drafts, d)
	}
	for i, d := range drafts {
		if len(d.lacks) > 0 && slices.ContainsFunc(drafts[:i], func(d *draft) bool { return len(d.lacks) > 0 }) {
			return nil, errors.New("alpha stands for several vectors in the line: write a step for each")
		}
	}
	return drafts, nil
}

// newDraft makes a draft of an expression.
func newDraft(l *block.Layout, terms []term) (*draft, error) {
	s, coefs, err := classify(terms)
	if err != nil {
		return nil, err
	}
	d := &draft{Step: s}
	for i, k := range coefs {
		name := [...]string{"alpha", "beta"}[i]
		if k.kind == alpha || k.kind == beta {
			d.lacks = append(d.lacks, name)
			continue
		}
		row, err := list{ratios: []coef{k}}.row(l, name)
		if err != nil {
			return nil, err
		}
		*d.row(name) = row
	}
	return d, nil
}

// row returns where the row called name is kept.
func (d *draft) row(name string) *Row {
	if name == "beta" {
		return &d.Beta
	}
	return &d.Alpha
}

// wants reports whether the draft lacks the row called name.
func (d *draft) wants(name string) bool { return slices.Contains(d.lacks, name) }

// set gives the draft the row that it lacks.
func (d *draft) set(l *block.Layout, name string, w list) error {
	if !d.wants(name) {
		return fmt.Errorf("the step has no %s to give numbers for", name)
	}
	w.lora = d.Mode == AddLoRA
	row, note, err := w.fitted(l, name)
	if err != nil {
		return err
	}
	if note != "" {
		d.notes = append(d.notes, note)
	}
	*d.row(name) = row
	d.lacks = slices.DeleteFunc(d.lacks, func(n string) bool { return n == name })
	return nil
}

// vectors reads what may follow an expression or a name: vectors, as many as
// there are, and reports whether there was one.
func (c *cursor) vectors(l *block.Layout, d *draft) (found bool, err error) {
	for {
		at := c.i
		c.take(comma)
		switch t := c.peek(); {
		case c.isKey(c.i):
			err = c.keyed(l, d)
		case c.isVector() && c.isKey(c.i+1): // (alpha = ..., beta = ...)
			c.i++
			for err == nil && c.isKey(c.i) {
				err = c.keyed(l, d)
				c.take(comma)
			}
			c.take(shut)
		case c.isVector():
			if len(d.lacks) == 0 {
				return found, c.errorf(t, "a vector for a step whose ratio is given already")
			}
			err = c.vector(l, d, d.lacks[0])
		case found && t.kind == word && t.text == "_": // (alpha's)_(beta's)
			c.i++
			if !c.isVector() {
				return found, c.unexpected(c.peek(), "a vector")
			}
			continue
		case found && t.kind == word && strings.HasPrefix(t.text, "_"):
			return found, c.unexpected(t, "the end of the step")
		case t.kind == calc:
			c.i++
			err = d.setCalc(c, t, l)
		default:
			c.i = at
			return found, nil
		}
		if err != nil {
			return found, err
		}
		found = true
	}
}

// vector reads numbers in parentheses. The closing one may be missing at the
// end of the line or before "=": SuperMerger left it out until 2023-06-20.
func (c *cursor) vector(l *block.Layout, d *draft, name string) error {
	c.take(open)
	ratios, err := c.ratios(l, name)
	if err != nil {
		return err
	}
	if t, ok := c.take(shut); !ok && t.kind != end && t.kind != equals && t.kind != calc {
		return c.unexpected(t, "a comma or )")
	}
	return d.set(l, name, list{ratios: ratios, parens: true, alone: c.alone})
}

// keyed reads "alpha = " and what it is.
func (c *cursor) keyed(l *block.Layout, d *draft) error {
	name := c.peek().text
	c.i += 2
	if c.peek().kind == open {
		return c.vector(l, d, name)
	}
	ratios, err := c.ratios(l, name)
	if err != nil {
		return err
	}
	return d.set(l, name, list{ratios: ratios, alone: c.alone})
}

// outName reads the name of what a step makes, up to the end of the line or
// what cannot belong to it.
func (c *cursor) outName() (string, error) {
	name, err := c.name()
	if err != nil {
		return "", err
	}
	switch t := c.peek(); t.kind {
	case plus, times, hole, one, quoted, lora, bad:
		return "", c.errorf(t, "%s after the name %s: a name with signs in it needs quotes", show(t.text), quote(name))
	}
	return name, nil
}

// manyTimes returns a note if a difference or a LoRA is added more than three
// times: the ratio may be meant as a percentage.
func (d *draft) manyTimes() []string {
	if d.Mode != AddDifference && d.Mode != AddLoRA {
		return nil
	}
	for _, x := range d.Alpha {
		if x.Hole == Fixed && math.Abs(x.Value) > 3 {
			times := format(x.Value)
			part, _ := strconv.ParseFloat(times+"e-2", 64)
			return []string{fmt.Sprintf("x %[1]s is %[1]s times; %[1]s %% is %[2]s", times, format(part))}
		}
	}
	return nil
}

// steps returns the steps read, by the names meant, and names those that have
// none.
func (p *parser) steps(aliases map[string]string) []Step {
	steps := make([]Step, len(p.drafts))
	used := map[string]bool{}
	for i, d := range p.drafts {
		for _, n := range []*string{&d.A, &d.B, &d.C, &d.Out} {
			if to, ok := aliases[*n]; ok && *n != "" {
				*n = to
			}
			used[*n] = true
		}
		steps[i] = d.Step
	}
	number := 0
	for i := range steps {
		for steps[i].Out == "" {
			number++
			if n := fmt.Sprintf("MERGE%d", number); !used[n] {
				steps[i].Out = n
			}
		}
		if p.drafts[i].next {
			steps[i].A = steps[i-1].Out
		}
	}
	return steps
}
