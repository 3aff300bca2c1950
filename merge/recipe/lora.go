package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"mixmatch/merge/block"
)

// loraShape is what errors say of a LoRA in a formula.
const loraShape = "a LoRA is added as in A + <lora:NAME> x 0.7"

const loraMark = "<lora:"

// loraAt reports whether a LoRA begins at line[i].
func loraAt(line string, i int) bool {
	return len(line)-i >= len(loraMark) && line[i] == loraMark[0] && strings.EqualFold(line[i:i+len(loraMark)], loraMark)
}

// isPrompt reports whether the line has a LoRA that nothing adds, as in the
// prompt of a picture.
func (c *cursor) isPrompt() bool {
	for i, t := range c.toks {
		if t.kind == lora && (i == 0 || c.toks[i-1].kind != plus && c.toks[i-1].kind != minus) {
			return true
		}
	}
	return false
}

// lexLoRA reads a LoRA as prompts of the web UI name it, and reports whether
// there is one at line[i]: <lora:NAME>, or with its weight <lora:NAME:0.7>. Two
// weights are those of the text encoder and of the UNet, also written te=0.7
// and unet=0.5. What they are multiplied by in each block may follow, as LoRA
// Block Weight takes it: numbers with commas between them, also as lbw=. A NAME
// may be quoted as in Go.
func lexLoRA(line string, i int) (t token, ok bool) {
	if !loraAt(line, i) {
		return t, false
	}
	t = token{kind: lora, to: len(line)}
	wrong := func(format string, args ...any) (token, bool) {
		return token{kind: bad, text: fmt.Sprintf(format, args...), to: t.to}, true
	}
	s := line[i+len(loraMark):]
	if q, err := strconv.QuotedPrefix(s); err == nil && q[0] == '"' {
		t.text, _ = strconv.Unquote(q)
		s = s[len(q):]
	} else {
		n := strings.IndexAny(s, ":<>\"")
		if n < 0 {
			n = len(s)
		}
		t.text, s = strings.TrimSpace(s[:n]), s[n:]
	}
	n := strings.IndexByte(s, '>')
	if n < 0 {
		return wrong("the LoRA has no >, as in <lora:NAME:0.7>")
	}
	t.to = len(line) - len(s) + n + 1
	s = s[:n]
	switch {
	case t.text == "":
		return wrong("the LoRA has no name, as in <lora:NAME:0.7>")
	case s == "":
		return t, true
	case s[0] != ':':
		return wrong("%s stands behind the LoRA's name: quote a name with signs in it", show(s))
	}
	for k, arg := range strings.Split(s[1:], ":") {
		key, value, named := strings.Cut(strings.TrimSpace(arg), "=")
		if !named {
			value = key
		}
		v, err := parseNumber(strings.TrimSpace(value))
		if (!named || key == "lbw") && strings.Contains(value, ",") && len(t.blocks) == 0 {
			if t.blocks, err = blockNumbers(value); err != nil {
				return wrong("blocks of the LoRA: %v", err)
			}
			continue
		}
		switch {
		case err == nil && (!named && k == 0 || key == "te" && len(t.weights) == 0):
			t.weights = []float64{v}
		case err == nil && len(t.weights) == 1 && (!named && k == 1 || key == "unet"):
			t.weights = append(t.weights, v)
		default:
			return wrong("%s of the LoRA is not understood: it has one weight, or that of the text encoder and that of the UNet; give other blocks theirs as a vector", show(arg))
		}
	}
	return t, true
}

// blockNumbers reads numbers with commas between them.
func blockNumbers(text string) (list []coef, err error) {
	for part := range strings.SplitSeq(text, ",") {
		v, err := parseNumber(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		list = append(list, coef{value: v})
	}
	return list, nil
}

// cutLoRAs splits a sum into what the LoRAs are added to and the LoRAs, which
// come last in it.
func cutLoRAs(terms []term) (models, loras []term, err error) {
	n := slices.IndexFunc(terms, func(t term) bool { return t.lora })
	if n < 0 {
		n = len(terms)
	}
	models, loras = terms[:n], terms[n:]
	for _, t := range loras {
		switch {
		case !t.lora:
			return nil, nil, errors.New("LoRAs come last in a merge: " + loraShape)
		case t.behind && (len(models) != 1 || models[0].sub != nil || models[0].coef != nil):
			return nil, nil, fmt.Errorf("<lora:%s> could be meant for the last model or for the whole merge: write + <lora:%s> x 0.7 for the whole, or a step of its own for the model", t.name, t.name)
		}
	}
	if len(loras) > 0 && len(models) == 0 || holdsLoRA(models) {
		return nil, nil, errors.New("a LoRA is no model: " + loraShape)
	}
	return models, loras, nil
}

// holdsLoRA reports whether there is a LoRA among terms, or in parentheses.
func holdsLoRA(terms []term) bool {
	return slices.ContainsFunc(terms, func(t term) bool { return t.lora || holdsLoRA(t.sub) })
}

// loraDraft makes a draft of a LoRA in a sum. It has no model A yet.
func loraDraft(l *block.Layout, t term) (*draft, error) {
	d := &draft{Step: Step{Mode: AddLoRA, B: t.name}}
	switch {
	case t.coef != nil && len(t.weights) > 0:
		return nil, fmt.Errorf("the LoRA %s has two ratios: %s", show(t.name), loraShape)
	case len(t.weights) > 0:
		d.Alpha = Uniform(l, t.weights[len(t.weights)-1])
		texts, known := l.TextEncoders()
		if !known && len(t.weights) > 1 {
			return nil, fmt.Errorf("the LoRA %s has a weight for the text encoder and one for the rest, and %s has no blocks of their own for text encoders: give one weight, or a vector", show(t.name), l.Arch())
		}
		for id := range texts.All() {
			d.Alpha[id].Value = t.weights[0]
		}
		if t.blocks == nil {
			break
		}
		row, note, err := list{ratios: t.blocks, parens: true, lora: true}.fitted(l, "the list of blocks")
		if err != nil {
			return nil, err
		}
		if note != "" {
			d.notes = append(d.notes, note)
		}
		for id := range row {
			d.Alpha[id].Value = float64(d.Alpha[id].Value*row[id].Value) + 0
		}
	case t.coef == nil:
		return nil, fmt.Errorf("the LoRA %s has no ratio: %s", show(t.name), loraShape)
	case t.coef.kind == alpha && !t.neg:
		d.lacks = []string{"alpha"}
	case t.coef.kind == alpha || t.coef.kind == beta || t.coef.kind == rest || t.neg && t.coef.kind != number:
		return nil, errors.New("a LoRA is multiplied by a number or by alpha: " + loraShape)
	default:
		row, err := list{ratios: []coef{*t.coef}}.row(l, "alpha")
		if err != nil {
			return nil, err
		}
		d.Alpha = row
	}
	if t.neg {
		for id := range d.Alpha {
			d.Alpha[id].Value = 0 - d.Alpha[id].Value
		}
	}
	return d, nil
}

// checkLoRA reports what is wrong with a step that adds a LoRA.
func checkLoRA(s *Step) error {
	switch {
	case s.B == "":
		return errors.New("the LoRA has no name")
	case s.C != "":
		return errors.New("a LoRA is added to one model, with nothing subtracted")
	case s.Calc != "" || len(s.Elements) > 0 || len(s.Include) > 0 || len(s.Exclude) > 0:
		return errors.New("a LoRA is added the normal way, to all keys it has: it takes no calculation mode and no lists of keys")
	}
	return nil
}

// checkKinds refuses a name that a model and a LoRA share: whoever looks for
// either finds it by its name.
func checkKinds(steps []Step) error {
	loras := map[string]bool{}
	for i := range steps {
		if n := steps[i].LoRA(); n != "" {
			loras[n] = true
		}
	}
	if len(loras) == 0 {
		return nil
	}
	for i := range steps {
		s := &steps[i]
		for _, n := range append(s.Operands(), s.Out) {
			if loras[n] {
				return s.errorf("%s is the name of a model and of a LoRA: rename one of them", quote(n))
			}
		}
	}
	return nil
}

// quoteLoRA returns a LoRA as notation, without its ratio.
func quoteLoRA(name string) string {
	for i, r := range name {
		ok := unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || i > 0 && strings.ContainsRune("-.", r)
		if !ok {
			return "<lora:" + strconv.Quote(name) + ">"
		}
	}
	return "<lora:" + name + ">"
}
