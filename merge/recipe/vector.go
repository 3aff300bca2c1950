package recipe

import (
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// ratio returns the coef, a number or an open one, as a ratio. A lone ? is
// shared; in a vector it is the block's own.
func (k coef) ratio(inVector bool) Ratio {
	switch {
	case k.kind == number:
		return Ratio{Value: k.value}
	case k.kind == openOwn && inVector:
		return Open(Own, k.lo, k.hi)
	}
	return Open(Shared, k.lo, k.hi)
}

// A list is what was written for alpha or beta.
type list struct {
	ratios []coef
	parens bool
	alone  bool // in a line of its own, where people write, not programs
	lora   bool // of a LoRA, which may have numbers for its blocks alone
}

// isKey reports whether the token at i begins "alpha =" or "beta =". It does
// not in "x alpha = NAME".
func (c *cursor) isKey(i int) bool {
	if i+1 >= len(c.toks) || c.toks[i].kind != word || c.toks[i+1].kind != equals {
		return false
	}
	t := c.toks[i].text
	return (t == "alpha" || t == "beta") && (i == 0 || c.toks[i-1].kind != times)
}

// isVector reports whether the next tokens begin a vector in parentheses, which
// a remark in parentheses does not.
func (c *cursor) isVector() bool {
	if c.peek().kind != open {
		return false
	}
	switch t := c.peekAt(1); t.kind {
	case hole, shut:
		return true
	case word:
		return numeric(t.text) || c.isKey(c.i+1)
	case plus:
		return c.peekAt(2).kind == word && numeric(c.peekAt(2).text)
	}
	return false
}

// ratios reads numbers and holes with commas or blanks between them, as far as
// they go. It names the block of one that is wrong.
func (c *cursor) ratios(l *block.Layout, name string) ([]coef, error) {
	var list []coef
	wrong := func(err error) error {
		if n := len(list); n < l.Len() {
			return fmt.Errorf("%s of %s: %w", name, l.Name(block.ID(n)), err)
		}
		return fmt.Errorf("%s, number %d: %w", name, len(list)+1, err)
	}
	for needs := true; ; {
		t := c.peek()
		switch {
		case c.isKey(c.i):
			return list, nil
		case t.kind == hole:
			list = append(list, t.coef)
			c.i++
		case t.kind == word || t.kind == plus && c.peekAt(1).kind == word:
			c.take(plus)
			v, err := c.number()
			if err != nil {
				return nil, wrong(err)
			}
			list = append(list, coef{value: v})
		case t.kind == bad:
			return nil, wrong(c.unexpected(t, "a ratio"))
		case needs && len(list) > 1 && (t.kind == shut || t.kind == end || t.kind == equals):
			return list, nil // a comma behind the last one
		case needs:
			return nil, wrong(c.unexpected(t, "a ratio"))
		default:
			return list, nil
		}
		_, needs = c.take(comma)
		if needs && c.isKey(c.i) {
			needs = false
		}
		if t := c.peek(); !needs && (t.kind == end || t.kind == shut || t.kind == equals || t.kind == calc) {
			return list, nil
		}
	}
}

// row makes a row of a list.
func (w list) row(l *block.Layout, name string) (Row, error) {
	row, _, err := w.fitted(l, name)
	return row, err
}

// fitted is row, with a note if numbers were left out.
func (w list) fitted(l *block.Layout, name string) (row Row, note string, err error) {
	n := len(w.ratios)
	if n == 1 && !w.parens {
		return slices.Repeat(Row{w.ratios[0].ratio(false)}, l.Len()), "", nil
	}
	ratios, note, err := w.fit(l)
	if err != nil {
		return nil, "", fmt.Errorf("%s has %d numbers; %s wants %d, from %s to %s%w",
			name, n, l.Arch(), l.Len(), l.Name(0), l.Name(block.ID(l.Len()-1)), err)
	}
	row = make(Row, l.Len())
	for i, k := range ratios {
		row[i] = k.ratio(true)
	}
	if note != "" {
		note = fmt.Sprintf("%s has %d numbers: %s", name, n, note)
	}
	return row, note, nil
}

// noFit says why a list of the wrong length could not be read all the same.
type noFit string

func (e noFit) Error() string { return string(e) }

// fit returns a list's ratios in the order of l. Besides lists of the right
// length it takes those that SuperMerger prints or takes for it, and notes what
// it left out:
//
//   - one number more, the first rounded: SuperMerger since 2025-11-27 prints
//     BASE twice, the first time to three decimals. It cannot merge SD1.x since,
//     so what people write for that is refused;
//   - for SDXL one number more, the last 0: before, it printed its unused VAE;
//   - for SDXL the 26 of SD1.x: it leaves out what SDXL does not have
//     (mergers.py:1585).
func (w list) fit(l *block.Layout) ([]coef, string, error) {
	n := l.Len()
	if ratios, note := w.spread(l); ratios != nil {
		return ratios, note, nil
	}
	switch len(w.ratios) {
	case n:
		return w.ratios, "", nil
	case n + 1:
		first, second, last := w.ratios[0], w.ratios[1], w.ratios[n]
		twice := first.kind == number && second.kind == number && math.Abs(first.value-second.value) <= 0.0005+1e-12
		vae := l.Arch() == block.SDXL && last.kind == number && last.value == 0
		switch {
		case twice && vae && !slices.EqualFunc(w.ratios[1:], w.ratios[:n], equalCoef):
			return nil, "", noFit("; either the first (BASE twice) or the last (VAE) is too many, and it could be both")
		case twice && w.alone && l.Arch() != block.SDXL:
			return nil, "", noFit("; the first may be BASE twice, as SuperMerger prints it since 2025-11, or any other is too many: leave it out")
		case twice:
			return w.ratios[1:], "the first, which SuperMerger prints since 2025-11 besides BASE, was left out", nil
		case vae:
			return w.ratios[:n], "the last, which SuperMerger has for its VAE and does not use, was left out", nil
		}
	case n - 1:
		return nil, "", noFit("; the first, BASE, may be missing")
	case 20, 21:
		return nil, "", noFit("; it may be for SDXL, which has 20 blocks")
	case 26:
		old, err := block.For(block.SD1, l.Era())
		if l.Arch() != block.SDXL || err != nil {
			break
		}
		ratios := make([]coef, n)
		note := ""
		for i, k := range w.ratios {
			if id, ok := l.Index(old.Name(block.ID(i))); ok {
				ratios[id] = k
			} else if k.kind != number || k.value != 0 {
				note = "those of blocks that SDXL does not have were left out"
			}
		}
		return ratios, note, nil
	}
	return nil, "", noFit("")
}

func equalCoef(a, b coef) bool {
	return a.kind == b.kind && a.value == b.value && a.lo == b.lo && a.hi == b.hi
}
