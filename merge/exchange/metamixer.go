package exchange

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmatch/merge/recipe"
)

// mixer reads a chain of sd-webui-model-mixer. The ratios stand in the formula
// in full, and in lists: alpha has those for all blocks, weights_alpha those by
// block. What is told twice must be the same.
func (m *metaReader) mixer(f *fields, out string) error {
	modes := f.texts("mode")
	if f.err == nil && len(modes) == 0 {
		f.wrong("mode", f.object["mode"], "a list of modes")
	}
	if f.err != nil {
		return f.err
	}
	if len(modes) > 'z'-'b'+1 {
		return fmt.Errorf("mode has %d entries", len(modes))
	}
	if err := m.mixerPlain(f); err != nil {
		return err
	}
	formula, adjust := f.text("recipe"), ""
	if at := strings.LastIndex(formula, ")@"); at >= 0 {
		formula, adjust = formula[:at+1], formula[at+2:]
	}
	for _, a := range []string{adjust, f.text("adjust")} {
		if strings.Trim(a, " 0,.") != "" {
			return cannot("the result is adjusted by %.60q", a)
		}
	}
	used := mixerRatios(formula, len(modes))
	if formula != "" && used == nil {
		m.note("the formula in the field recipe is not understood, and was not read")
	}
	base := f.text("base_model")
	if base == "None" {
		base = ""
	}
	r := mixerLists{fields: f, m: m, alphas: f.list("alpha"), weights: f.list("weights_alpha"), uses: f.list("use_mbws"), used: used}
	r.all, _ = f.flag("mbw")
	var operands []operand
	for i, mode := range modes {
		o := operand{mode: recipe.AddDifference, field: "model_" + string(rune('b'+i))}
		model := f.text(o.field)
		switch {
		case strings.Contains(mode, "Sum"):
			o.mode = recipe.WeightSum
		case mode != "Add-Diff":
			return cannot("the mode %.60q", mode)
		default:
			o.base = mixerBase(formula, model, i)
			if o.base == "" {
				o.base = base
			}
			if base != "" && recipe.NameOf(base) != recipe.NameOf(o.base) {
				return fmt.Errorf("base_model is %.60q, and the formula in the field recipe subtracts %.60q", base, o.base)
			}
			if o.base == "" && f.err == nil {
				return fmt.Errorf("base_model is missing, and the formula in the field recipe does not tell what step %d subtracts", i+1)
			}
		}
		if used != nil && !strings.Contains(formula, recipe.NameOf(model)) {
			m.note("the formula in the field recipe does not name %s, which is %.60q", o.field, model)
		}
		var err error
		if o.row, err = r.row(i); err != nil {
			return err
		}
		operands = append(operands, o)
	}
	m.spare(f, 'b'+byte(len(modes)))
	f.skip("blocks", "weights_alpha_orig", "uses")
	m.note("the model mixer keeps time_embed and the VAE of model A where it uses a vector")
	return m.chain(f, out, operands)
}

// mixerPlain refuses a merge that is more than its ratios. The first version
// wrote one calculation mode for all.
func (m *metaReader) mixerPlain(f *fields) error {
	var calcs []string
	if describe(f.object["calcmode"]) == "a list" {
		calcs = f.texts("calcmode")
	} else if f.has("calcmode") {
		calcs = []string{f.text("calcmode")}
	} else {
		m.note("calcmode is missing: the merge is taken as a normal one")
	}
	for _, c := range calcs {
		if !strings.EqualFold(c, "normal") {
			return cannot("the calculation mode %.60q", c)
		}
	}
	elements := f.list("elemental")
	for i, raw := range f.list("use_elemental") {
		if f.flagOf(fmt.Sprintf("use_elemental[%d]", i), raw) && strings.Trim(string(rawAt(elements, i)), `" `) != "" {
			return cannot("an elemental merge")
		}
	}
	return f.err
}

// mixerBase returns the model that the formula subtracts from model in step i,
// "" if it does not tell. Versions before 2024-01-22 write it nowhere else.
func mixerBase(formula, model string, i int) string {
	end := strings.Index(formula, fmt.Sprintf(") * alpha_%d", i))
	if end < 0 || model == "" {
		return ""
	}
	for _, name := range []string{model, recipe.NameOf(model), "(" + model + ")", "(" + recipe.NameOf(model) + ")"} {
		start := "(" + name + " - "
		if at := strings.LastIndex(formula[:end], start); at >= 0 {
			return formula[at+len(start) : end]
		}
	}
	return ""
}

// mixerRatios returns the n parentheses at the end of the model mixer's
// formula, which hold the ratios that were used, nil if it has not as many.
func mixerRatios(s string, n int) []string {
	var list []string
	for range n {
		at := strings.LastIndex(s, "(")
		if at < 0 || !strings.HasSuffix(s, ")") || strings.Trim(s[at+1:len(s)-1], "0123456789.,-+e") != "" {
			return nil
		}
		list = append(list, s[at+1:len(s)-1])
		s = strings.TrimSuffix(s[:at], ",")
	}
	slices.Reverse(list)
	return list
}

// A mixerLists is where the ratios of a chain stand.
type mixerLists struct {
	*fields
	m                     *metaReader
	alphas, weights, uses []json.RawMessage
	all                   bool     // mbw: whether all steps have ratios by block
	used                  []string // the ratios in the formula
}

// row returns the ratios of step i.
func (r *mixerLists) row(i int) (recipe.Row, error) {
	alphaName, weightsName := fmt.Sprintf("alpha[%d]", i), fmt.Sprintf("weights_alpha[%d]", i)
	var alpha float64
	rawAlpha, rawWeights := rawAt(r.alphas, i), rawAt(r.weights, i)
	if rawAlpha != nil {
		alpha = r.numberOf(alphaName, rawAlpha)
	}
	var list []float64
	if rawWeights != nil && string(rawWeights) != "null" {
		list = r.numbersOf(weightsName, rawWeights)
	}
	byBlock, told := r.all, r.all
	if raw := rawAt(r.uses, i); raw != nil {
		byBlock, told = r.usesBlocks(i, raw), true
	}
	if r.err != nil {
		return nil, r.err
	}
	same := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }
	flat := !slices.ContainsFunc(list, func(v float64) bool { return !same(v, alpha) })
	if r.used != nil {
		row, err := r.m.row(r.used[i])
		if err != nil {
			return nil, err
		}
		const formula = "the formula in the field recipe"
		switch {
		case strings.Contains(r.used[i], ",") && list != nil:
			r.m.agree(r.fields, weightsName, join(list), formula, r.used[i], 1e-9)
		case !strings.Contains(r.used[i], ",") && rawAlpha != nil && !same(alpha, row[0].Value):
			return nil, fmt.Errorf("%s is %s, and %s has %s", alphaName, decimal(alpha), formula, r.used[i])
		}
		return row, r.err
	}
	zero := !slices.ContainsFunc(list, func(v float64) bool { return v != 0 })
	switch {
	case told && byBlock && list == nil:
		r.wrong(weightsName, rawWeights, "a list of ratios, though block weights are on")
		return nil, r.err
	case told && byBlock, rawAlpha == nil && list != nil:
		row, err := r.m.numbers(list)
		if err != nil {
			err = fmt.Errorf("%s: %w", weightsName, err)
		}
		return row, err
	case rawAlpha == nil:
		return nil, fmt.Errorf("%s and %s are missing", alphaName, weightsName)
	case !flat && !zero:
		return nil, fmt.Errorf("step %d could have the ratio of %s (%s) or those of %s: nothing tells which were used", i+1, alphaName, decimal(alpha), weightsName)
	}
	return r.m.row(decimal(alpha))
}

// usesBlocks reads an entry of use_mbws: whether there are blocks, or which.
func (r *mixerLists) usesBlocks(i int, raw json.RawMessage) bool {
	if describe(raw) == "a list" {
		return strings.Trim(string(raw), "[] \n\t") != ""
	}
	return r.flagOf(fmt.Sprintf("use_mbws[%d]", i), raw)
}
