package recipe

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/block"
)

// An Element gives some keys an alpha of their own: one line of SuperMerger's
// elemental merge (mergers.py:952).
type Element struct {
	Blocks block.Set // the keys' blocks
	Words  []string  // one of which the keys contain; none for all keys
	Not    bool      // none of which they contain
	Ratio  float64
}

// Matches reports whether key, which is in block id, is one of the element's.
func (e Element) Matches(id block.ID, key string) bool {
	if !e.Blocks.Has(id) {
		return false
	}
	if len(e.Words) == 0 {
		return true
	}
	return slices.ContainsFunc(e.Words, func(w string) bool { return strings.Contains(key, w) }) != e.Not
}

// AlphaOf returns the step's alpha for key, which is in block id: that of the
// last element that matches, and else the block's.
func (s *Step) AlphaOf(id block.ID, key string) float64 {
	for _, e := range slices.Backward(s.Elements) {
		if e.Matches(id, key) {
			return e.Ratio
		}
	}
	return s.Alpha[id].Value
}

// Merges reports whether the step merges key, which is in block id: model A's
// tensor is kept where Include or Exclude say so (mergers.py:1600).
func (s *Step) Merges(l *block.Layout, id block.ID, key string) bool {
	selected := func(items []string) bool {
		return slices.ContainsFunc(items, func(item string) bool {
			switch item {
			case l.Name(id):
				return true
			case "VAE":
				return block.PartOf(key) == block.VAE
			case "Adjust":
				return l.Adjusts(key)
			}
			if _, isBlock := l.Index(item); isBlock {
				return false
			}
			return strings.Contains(key, item)
		})
	}
	if len(s.Include) > 0 {
		return selected(s.Include)
	}
	return !selected(s.Exclude)
}

// isItem reports whether s can stand in a list of an option.
func isItem(s string) bool {
	return s != "" && s != "NOT" && !strings.ContainsAny(s, ",:#=\"") && !strings.Contains(s, "//") && len(strings.Fields(s)) == 1 && strings.Fields(s)[0] == s
}

func (e Element) check(l *block.Layout) error {
	switch {
	case e.Blocks.Empty() || !e.Blocks.Minus(l.Blocks()).Empty():
		return errors.New("an element of no block")
	case e.Not && len(e.Words) == 0:
		return errors.New("an element of no key")
	case !(math.Abs(e.Ratio) <= MaxRatio):
		return fmt.Errorf("an element's ratio is %v", e.Ratio)
	}
	for _, w := range e.Words {
		if !isItem(w) {
			return fmt.Errorf("%q is no part of a key", w)
		}
	}
	return nil
}

// notation returns the element as it is read.
func (e Element) notation(l *block.Layout) string {
	var blocks []string
	if e.Blocks != l.Blocks() {
		for id := range e.Blocks.All() {
			blocks = append(blocks, l.Name(id))
		}
	}
	words := slices.Clone(e.Words)
	if e.Not {
		words = append([]string{"NOT"}, words...)
	}
	return strings.Join(blocks, " ") + ":" + strings.Join(words, " ") + ":" + format(e.Ratio)
}

// An option is a line below a step that says how it treats keys.
type option struct{ name, text string }

// optionOf returns the option that a line is.
func optionOf(line string) (o option, ok bool) {
	name, text, ok := strings.Cut(line, "=")
	o.name = strings.TrimSpace(name)
	if !ok || !slices.Contains([]string{"elemental", "include", "exclude", "gamma"}, o.name) {
		return o, false
	}
	for _, mark := range []string{"#", "//"} {
		text, _, _ = strings.Cut(text, mark)
	}
	o.text = strings.TrimSpace(text)
	return o, true
}

// option reads an option of the step above it.
func (p *parser) option(o option) error {
	if len(p.drafts) == 0 {
		return fmt.Errorf("no step above for %s", o.name)
	}
	d := p.drafts[len(p.drafts)-1]
	var err error
	switch o.name {
	case "elemental":
		for text := range strings.SplitSeq(o.text, ",") {
			var e Element
			if e, err = readElement(p.layout, text); err != nil {
				return fmt.Errorf("elemental %s: %w", show(strings.TrimSpace(text)), err)
			}
			d.Elements = append(d.Elements, e)
		}
	case "include":
		d.Include, err = readItems(p.layout, d.Include, o.text)
	case "exclude":
		d.Exclude, err = readItems(p.layout, d.Exclude, o.text)
	case "gamma":
		if d.Calc != "extract" {
			return errors.New("gamma is for the calculation mode extract alone")
		}
		d.Gamma, err = parseNumber(o.text)
	}
	if err != nil {
		return fmt.Errorf("%s %w", o.name, err)
	}
	return nil
}

// readElement reads Blocks:Words:Ratio.
func readElement(l *block.Layout, text string) (e Element, err error) {
	f := strings.Split(text, ":")
	if len(f) != 3 {
		return e, errors.New("want blocks:words:ratio, as in IN01-IN08:attn1:0.5")
	}
	blocks, not := cutNot(f[0])
	for _, name := range blocks {
		ids, ok := span(l, name)
		if !ok {
			return e, fmt.Errorf("there is no block %s in %s", show(name), l.Arch())
		}
		e.Blocks = e.Blocks.Union(ids)
	}
	if len(blocks) == 0 {
		e.Blocks = l.Blocks()
	}
	if not {
		e.Blocks = l.Blocks().Minus(e.Blocks)
	}
	e.Words, e.Not = cutNot(f[1])
	if e.Ratio, err = parseNumber(strings.TrimSpace(f[2])); err != nil {
		return e, fmt.Errorf("ratio %w", err)
	}
	return e, e.check(l)
}

// cutNot cuts the NOT off a list's beginning.
func cutNot(text string) (items []string, not bool) {
	items = strings.Fields(text)
	if len(items) > 0 && items[0] == "NOT" {
		return items[1:], true
	}
	return items, false
}

// span returns the blocks of a name, or of a range such as IN01-OUT05.
func span(l *block.Layout, name string) (block.Set, bool) {
	if id, ok := l.Index(name); ok {
		return block.Set{}.With(id), true
	}
	first, last, ok := strings.Cut(name, "-")
	a, ok1 := l.Index(first)
	b, ok2 := l.Index(last)
	if !ok || !ok1 || !ok2 || a > b {
		return block.Set{}, false
	}
	var s block.Set
	for id := a; id <= b; id++ {
		s = s.With(id)
	}
	return s, true
}

// readItems reads blocks, ranges of them, VAE, Adjust and parts of keys, with
// blanks or commas between them, and adds them to items.
func readItems(l *block.Layout, items []string, text string) ([]string, error) {
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r,", r) }) {
		if !isItem(item) {
			return nil, fmt.Errorf("%s: it is no block and no part of a key", show(item))
		}
		ids, ok := span(l, item)
		if !ok {
			items = append(items, item)
		}
		for id := range ids.All() {
			items = append(items, l.Name(id))
		}
	}
	if len(items) == 0 {
		return nil, errors.New("names no blocks and no parts of keys")
	}
	return items, nil
}
