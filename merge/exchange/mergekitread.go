package exchange

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// readMergekit reads a merge by linear or task_arithmetic of whole models, with
// weights that are numbers or go by parts of names.
func readMergekit(im *importer, text []byte) ([]recipe.Step, error) {
	if first, _, _ := strings.Cut(string(text), "\n"); im.given == nil {
		if _, q, ok := strings.Cut(first, "made by mixmatch for "); ok {
			q, _, _ = strings.Cut(q, ";")
			arch, era, _ := strings.Cut(q, "/")
			if l, err := block.For(block.Arch(arch), block.Era(era)); err == nil {
				im.given = l
			}
		}
	}
	doc, err := parseYAML(strings.TrimPrefix(string(text), "\ufeff"))
	if err != nil {
		return nil, err
	}
	top, _ := doc.(map[string]any)
	method, _ := top["merge_method"].(string)
	base, _ := top["base_model"].(string)
	global, _ := top["parameters"].(map[string]any)
	normalize := method == "linear" // mergekit's default
	switch method {
	case "linear":
	case "task_arithmetic":
		if base == "" {
			return nil, errors.New("no base_model")
		}
	default:
		return nil, cannot("the method %.60q", method)
	}
	if v, ok := global["normalize"].(string); ok {
		normalize = strings.EqualFold(v, "true")
	}
	if v, ok := global["lambda"].(string); ok && v != "1" && v != "1.0" {
		return nil, cannot("the lambda %.20s", v)
	}
	for _, k := range []string{"slices", "modules", "merges"} {
		if _, ok := top[k]; ok {
			return nil, cannot("%s", k)
		}
	}
	models, _ := top["models"].([]any)
	if len(models) == 0 {
		return nil, errors.New("no models")
	}
	var names []string
	var weights [][]float64
	for _, x := range models {
		m, _ := x.(map[string]any)
		file, _ := m["model"].(string)
		if file == "" {
			return nil, errors.New("a model without a name")
		}
		params, _ := m["parameters"].(map[string]any)
		w, ok := params["weight"]
		if !ok {
			w, ok = global["weight"]
		}
		if file == base && !ok {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("no weight for %s", file)
		}
		row, err := im.blockWeights(w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		names, weights = append(names, im.known(file)), append(weights, row)
	}
	return im.combine(names, weights, im.known(base), method == "task_arithmetic", normalize)
}

// known returns the name of the model in a file.
func (im *importer) known(file string) string {
	best := ""
	for name, m := range im.opt.Models {
		if m.File == file && (best == "" || name < best) {
			best = name
		}
	}
	if best != "" || file == "" {
		return best
	}
	return recipe.NameOf(file)
}

// blockWeights reads a weight: its value in each block, if its keys agree.
func (im *importer) blockWeights(v any) ([]float64, error) {
	l := im.layout()
	rules, rest, err := readFilters(v)
	if err != nil {
		return nil, err
	}
	row := make([]float64, l.Len())
	var found block.Set
	for _, k := range im.opt.keys(l) {
		id, ok := l.Of(k)
		if !ok {
			continue
		}
		w := match(rules, rest, k)
		if math.IsNaN(w) {
			return nil, fmt.Errorf("no weight for %s", k)
		}
		if found.Has(id) && row[id] != w {
			return nil, cannot("the tensors of %s have several weights as %v counts them", l.Name(id), l)
		}
		row[id], found = w, found.With(id)
	}
	return row, nil
}

// readFilters reads a number, or a list of rules of which the first that fits
// counts. What no rule fits is NaN.
func readFilters(v any) (rules []filter, rest float64, err error) {
	num := func(v any) (float64, error) {
		s, ok := v.(string)
		x, err := strconv.ParseFloat(s, 64)
		if !ok || err != nil || math.IsNaN(x) || math.Abs(x) > recipe.MaxRatio {
			return 0, fmt.Errorf("%.60q is no weight", fmt.Sprint(v))
		}
		if math.Abs(x) <= mergekitZero {
			x = 0
		}
		return x, nil
	}
	if m, ok := v.(map[string]any); ok {
		v = []any{m}
	}
	list, ok := v.([]any)
	if !ok {
		rest, err = num(v)
		return nil, rest, err
	}
	rest = math.NaN()
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, 0, cannot("a gradient of weights")
		}
		x, err := num(m["value"])
		if err != nil {
			return nil, 0, err
		}
		part, _ := m["filter"].(string)
		if part == "" || part == "*" {
			return rules, x, nil
		}
		rules = append(rules, filter{part, x})
	}
	return rules, rest, nil
}

// combine makes steps of weights: A + (B - A) x b, which is a weighted sum, then
// + (C - A) x c and so on, so that A has what is left of 1.
func (im *importer) combine(names []string, weights [][]float64, base string, delta, normalize bool) ([]recipe.Step, error) {
	l := im.layout()
	for id := range l.Len() {
		sum := 0.0
		for i := range weights {
			sum += weights[i][id]
		}
		switch {
		case delta && !normalize, math.Abs(sum-1) <= 1e-9:
		case normalize && math.Abs(sum) > 1e-6:
			for i := range weights {
				weights[i][id] /= sum
			}
		default:
			return nil, cannot("the weights in %s sum to %v, not to 1", l.Name(block.ID(id)), sum)
		}
	}
	if delta {
		if at := slices.Index(names, base); at >= 0 { // a difference of nothing
			names, weights = slices.Delete(names, at, at+1), slices.Delete(weights, at, at+1)
		}
		names = append([]string{base}, names...)
		weights = append([][]float64{nil}, weights...)
	}
	if len(names) < 2 {
		return nil, errors.New("only one model")
	}
	used := map[string]bool{}
	for _, n := range names {
		if used[n] || n == "" {
			return nil, fmt.Errorf("two models are called %q", n)
		}
		used[n] = true
	}
	im.note("the steps are not in it: these come to the same weights")
	var steps []recipe.Step
	for i := 1; i < len(names); i++ {
		row, err := im.numbers(weights[i])
		if err != nil {
			return nil, err
		}
		s := recipe.Step{A: names[0], B: names[i], Alpha: row, Out: unused(used)}
		if i > 1 {
			s.Mode, s.A, s.C = recipe.AddDifference, steps[i-2].Out, names[0]
		}
		steps = append(steps, s)
	}
	return steps, nil
}
