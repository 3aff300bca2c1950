package exchange

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

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
	doc, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	top := mappingOf(doc, "the document")
	method, base := top.text("merge_method"), top.text("base_model")
	global := top.below("parameters")
	for _, k := range []string{"slices", "modules", "merges"} {
		if top.has(k) != nil {
			return nil, cannot("%s", k)
		}
	}
	models := top.list("models")
	for _, how := range []string{"dtype", "out_dtype", "tokenizer_source", "tokenizer", "chat_template"} {
		top.has(how) // of the file, not of the weights
	}
	if err := firstOf(top.finish(im), global.err); err != nil {
		return nil, err
	}
	normalize := method == "linear" // mergekit's default
	switch method {
	case "":
		return nil, errors.New("merge_method is missing")
	case "linear":
		if base != "" {
			im.note("base_model is not used by the method linear")
		}
	case "task_arithmetic":
		if base == "" {
			return nil, errors.New("base_model is missing")
		}
	default:
		return nil, cannot("the method %.60q", method)
	}
	if top.fields["parameters"] == nil && method == "linear" {
		im.note("parameters say nothing of normalize: mergekit divides the weights by their sum")
	}
	normalize = global.flag("normalize", normalize)
	if err := plainLambda(global); err != nil {
		return nil, err
	}
	shared := global.has("weight")
	global.has("int8_mask")
	if err := global.finish(im); err != nil {
		return nil, err
	}
	if len(models) == 0 {
		return nil, errors.New("models are missing")
	}
	var names []string
	var weights [][]float64
	for i, n := range models {
		m := mappingOf(n, fmt.Sprintf("models[%d]", i))
		file, params := m.text("model"), m.below("parameters")
		if err := firstOf(m.finish(im), params.err); err != nil {
			return nil, err
		}
		if file == "" {
			return nil, fmt.Errorf("line %d: model is missing", n.Line)
		}
		w := params.has("weight")
		if err := firstOf(plainLambda(params), params.finish(im)); err != nil {
			return nil, err
		}
		if w == nil {
			w = shared
		}
		if file == base && w == nil {
			continue
		}
		if w == nil {
			return nil, fmt.Errorf("line %d: the weight of %.60q is missing", n.Line, file)
		}
		row, err := im.blockWeights(w)
		if err != nil {
			return nil, fmt.Errorf("%.60q: %w", file, err)
		}
		names, weights = append(names, im.known(file)), append(weights, row)
	}
	return im.combine(names, weights, im.known(base), method == "task_arithmetic", normalize)
}

// plainLambda refuses a lambda that is not 1, which multiplies all weights.
func plainLambda(m *mapping) error {
	if n := m.has("lambda"); n != nil {
		if v, ok := numberIn(n.Value); !ok || v != 1 {
			return cannot("line %d: the lambda %s", n.Line, describeYAML(n))
		}
	}
	return nil
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
func (im *importer) blockWeights(n *yaml.Node) ([]float64, error) {
	l := im.layout()
	rules, rest, err := im.readFilters(n)
	if err != nil {
		return nil, err
	}
	row := make([]float64, l.Len())
	var found block.Set
	keys, err := im.opt.keys(l)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		id, ok := l.Of(k)
		if !ok {
			continue
		}
		w := match(rules, rest, k)
		if math.IsNaN(w) {
			return nil, fmt.Errorf("line %d: no weight for %s", n.Line, k)
		}
		if found.Has(id) && row[id] != w {
			return nil, cannot("line %d: the tensors of %s have several weights as %v counts them", n.Line, l.Name(id), l)
		}
		row[id], found = w, found.With(id)
	}
	for id := range l.Blocks().Minus(found).All() { // which holds nothing
		if row[id] = rest; math.IsNaN(rest) {
			return nil, fmt.Errorf("no weight for %s", l.Name(id))
		}
	}
	return row, nil
}

// readFilters reads a number, or a list of rules of which the first that fits
// counts. What no rule fits is NaN.
func (im *importer) readFilters(n *yaml.Node) (rules []filter, rest float64, err error) {
	num := func(n *yaml.Node) (float64, error) {
		x, ok := numberIn(n.Value)
		if !ok || n.Kind != yaml.ScalarNode || math.Abs(x) > recipe.MaxRatio {
			return 0, fmt.Errorf("line %d: %s is no weight", n.Line, describeYAML(n))
		}
		if math.Abs(x) <= mergekitZero {
			x = 0
		}
		return x, nil
	}
	list := []*yaml.Node{n}
	switch n.Kind {
	case yaml.SequenceNode:
		list = n.Content
	case yaml.ScalarNode:
		rest, err = num(n)
		return nil, rest, err
	}
	rest = math.NaN()
	for i, item := range list {
		if item.Kind != yaml.MappingNode {
			return nil, 0, cannot("line %d: a gradient of weights", item.Line)
		}
		m := mappingOf(item, "a weight")
		value, part := m.has("value"), m.text("filter")
		if value == nil {
			return nil, 0, fmt.Errorf("line %d: value is missing", item.Line)
		}
		x, err := num(value)
		if err := firstOf(m.finish(im), err); err != nil {
			return nil, 0, err
		}
		if part == "" || part == "*" {
			if i+1 < len(list) {
				im.note("line %d: this weight fits all names: those below it are not used", item.Line)
			}
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
