package exchange

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"mixmatch/merge/recipe"
)

// analyzer reads a merge of sd-model-analyzer: a chain in which "madd" begins
// with the base model. Blocks that were not chosen are model A's.
func (m *metaReader) analyzer(f *fields, out string) error {
	modes, rows := f.texts("mode"), f.list("weights_alpha")
	text, base := f.text("blocks"), f.text("model_base")
	if calc := f.text("calcmode"); calc != "" && calc != "normal" {
		return cannot("the calculation mode %.60q", calc)
	}
	switch {
	case f.err != nil:
		return f.err
	case len(modes) == 0:
		return fmt.Errorf("mode is %s, not a list of modes", describe(f.object["mode"]))
	case len(modes) != len(rows):
		return fmt.Errorf("mode has %d entries, and weights_alpha has %d", len(modes), len(rows))
	case len(modes) > 'z'-'a':
		return fmt.Errorf("mode has %d entries", len(modes))
	case text == "":
		return errors.New("blocks is missing")
	}
	blocks := strings.Split(text, ",")
	next := 'b'
	if modes[0] == "madd" {
		next = 'a'
	}
	var operands []operand
	for i, mode := range modes {
		o := operand{mode: recipe.AddDifference, field: "model_" + string(next), base: base}
		next++
		v := f.numbersOf(fmt.Sprintf("weights_alpha[%d]", i), rows[i])
		switch mode {
		case "sum":
			o.mode = recipe.WeightSum
		case "add", "madd":
			if o.field == "model_a" {
				// base + (A - base) x w is A x w + base x (1-w), that is A + (A - base) x (w-1).
				for k := range v {
					v[k] = math.Round((v[k]-1)*1e12) / 1e12
				}
			}
		default:
			return cannot("the mode %.60q", mode)
		}
		if f.err != nil {
			return f.err
		}
		var err error
		if o.row, err = m.fill(blocks, v); err != nil {
			return fmt.Errorf("weights_alpha[%d]: %w", i, err)
		}
		operands = append(operands, o)
	}
	m.spare(f, byte(next))
	f.skip("mbw", "recipe")
	m.note("time_embed and what else has no block there is model A's")
	return m.chain(f, out, operands)
}

// fill returns a row that is 0 in the blocks that are not named.
func (m *metaReader) fill(blocks []string, v []float64) (recipe.Row, error) {
	if len(blocks) != len(v) {
		return nil, fmt.Errorf("%d ratios for the %d blocks %.80q", len(v), len(blocks), strings.Join(blocks, ","))
	}
	all := make([]float64, m.layout().Len())
	seen := map[string]bool{}
	for i, name := range blocks {
		name = strings.TrimSpace(name)
		id, ok := m.layout().Index(name)
		if !ok || seen[name] {
			return nil, fmt.Errorf("%.60q in blocks is no block of %v, or is there twice", name, m.layout())
		}
		seen[name] = true
		all[id] = v[i]
	}
	return m.numbers(all)
}
