package exchange

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// decimal writes a ratio in full, with no exponent.
func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// float writes a ratio as Python writes a float, with a point in it.
func float(v float64) string {
	s := decimal(v)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// values returns the numbers of a row.
func values(row recipe.Row) []float64 {
	v := make([]float64, len(row))
	for i, x := range row {
		v[i] = x.Value
	}
	return v
}

// uniform returns the row's number if it is the same in all blocks.
func uniform(row recipe.Row) (float64, bool) {
	for _, x := range row {
		if x != row[0] {
			return 0, false
		}
	}
	if len(row) == 0 {
		return 0, false
	}
	return row[0].Value, true
}

// slider returns the row's number if SuperMerger's slider can be set to it: -1
// to 2 in steps of 0.001 (supermerger.py:115).
func slider(row recipe.Row) (float64, bool) {
	v, ok := uniform(row)
	return v, ok && v >= -1 && v <= 2 && math.Round(v*1000)/1000 == v
}

// sliders returns alpha and beta if both fit sliders, beta being 0 in modes
// that have none.
func sliders(s *recipe.Step) (alpha, beta float64, ok bool) {
	alpha, ok = slider(s.Alpha)
	if ok && s.Mode.HasBeta() {
		beta, ok = slider(s.Beta)
	}
	return alpha, beta, ok
}

// vector26 returns the row as SuperMerger's presets want it, always 26 numbers;
// SDXL has no use for those of the blocks that it lacks.
func vector26(l *block.Layout, row recipe.Row) string {
	old, err := block.For(block.SD1, block.SM2025)
	if err != nil || l.Arch() != block.SDXL {
		return recipe.Vector(row)
	}
	wide := make(recipe.Row, old.Len())
	for id := range l.Blocks().All() {
		if at, ok := old.Index(l.Name(id)); ok {
			wide[at] = row[id]
		}
	}
	return recipe.Vector(wide)
}

// file returns the name of a model's file.
func (e *exporter) file(name string) string {
	if f := e.opt.Models[name].File; f != "" {
		return f
	}
	return name + ".safetensors"
}

// short returns a model's hash of ten digits, "" if its digest is not known.
func (e *exporter) short(name string) string {
	if h := e.opt.Models[name].SHA256; len(h) >= 10 {
		return h[:10]
	}
	return ""
}

// keys returns all keys of the models.
func (o *Options) keys(l *block.Layout) ([]string, error) {
	if o.Keys != nil {
		return o.Keys, nil
	}
	var keys []string
	for _, s := range block.Keys(l.Arch()) {
		keys = append(keys, s.Name)
	}
	if keys == nil {
		return nil, cannot("the document goes by keys, and those of such models are known from one alone: name one with --source")
	}
	return keys, nil
}

// An importer is one call of Import.
type importer struct {
	given *block.Layout
	opt   Options
	notes []string
	done  *recipe.Recipe // set by readers that make the recipe themselves
}

func (im *importer) note(format string, args ...any) { im.notes = addNote(im.notes, format, args) }

// layout returns the layout to read for, where the document states none.
func (im *importer) layout() *block.Layout {
	if im.given == nil {
		im.given, _ = block.For(block.SD1, block.Eras()[0]) // exists
	}
	return im.given
}

// stated is layout for a document that states what it is for.
func (im *importer) stated(arch block.Arch, era block.Era) error {
	l, err := block.For(arch, era)
	if err != nil {
		return err
	}
	if im.given != nil && im.given != l {
		return fmt.Errorf("the recipe is for %v, not for %v", l, im.given)
	}
	im.given = l
	return nil
}

// recipe makes a recipe of steps, and keeps those that are asked for.
func (im *importer) recipe(steps []recipe.Step) (*recipe.Recipe, error) {
	alias := func(n *string) {
		if to, ok := im.opt.Recipe.Aliases[*n]; ok {
			*n = to
		}
	}
	for i := range steps {
		s := &steps[i]
		for _, n := range []*string{&s.A, &s.B, &s.C, &s.Out} {
			alias(n)
		}
	}
	r, err := recipe.New(im.layout(), steps)
	if err != nil || im.opt.Recipe.Result == "" {
		return r, err
	}
	result := im.opt.Recipe.Result
	alias(&result)
	return prune(r, result)
}

// prune keeps the steps that result needs.
func prune(r *recipe.Recipe, result string) (*recipe.Recipe, error) {
	need := map[string]bool{result: true}
	var kept []recipe.Step
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if s := r.Steps[i]; need[s.Out] {
			for _, n := range s.Operands() {
				need[n] = true
			}
			kept = append(kept, s)
		}
	}
	slices.Reverse(kept)
	if len(kept) == 0 {
		return nil, fmt.Errorf("no step makes %q", result)
	}
	return recipe.New(r.Layout, kept)
}

// row reads the ratios of a document: one number for all blocks, or one for
// each, of which it takes all that SuperMerger writes and takes.
func (im *importer) row(text string) (recipe.Row, error) {
	for _, c := range text {
		if !strings.ContainsRune("0123456789+-.eE,%_ \t\r\n", c) && !strings.ContainsRune("aAnNifI", c) {
			return nil, fmt.Errorf("%.60q is not a list of ratios", text)
		}
	}
	flat := strings.Join(strings.Fields(text), " ")
	if strings.Contains(flat, ",") {
		flat = "(" + flat + ")"
	}
	r, err := recipe.Parse(im.layout(), "A x (1-alpha) + B x alpha = C\nalpha = "+flat, recipe.Options{
		Note: func(s string) { im.note("%s", strings.TrimPrefix(s, "line 1: ")) },
	})
	if err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "line 2: "))
	}
	return r.Steps[0].Alpha, nil
}

// numbers is row of numbers.
func (im *importer) numbers(v []float64) (recipe.Row, error) {
	s := make([]string, len(v))
	for i, x := range v {
		s[i] = decimal(x)
	}
	return im.row(strings.Join(s, ","))
}

// parseMode reads SuperMerger's name of a mode, with or without the formula
// that may stand behind a colon.
func parseMode(s string) (recipe.Mode, error) {
	name, _, _ := strings.Cut(s, ":")
	for m := recipe.WeightSum; m <= recipe.SumTwice; m++ {
		if strings.EqualFold(strings.TrimSpace(name), m.String()) {
			return m, nil
		}
	}
	return 0, fmt.Errorf("unknown merge mode %.60q", s)
}

// formula returns a mode's name as SuperMerger's radio buttons have it.
func formula(m recipe.Mode) string {
	return m.String() + ":" + [...]string{
		"A*(1-alpha)+B*alpha",
		"A+(B-C)*alpha",
		"A*(1-alpha-beta)+B*alpha+C*beta",
		"(A*(1-alpha)+B*alpha)*(1-beta)+C*beta",
	}[m]
}

// unused returns a name MERGE1, MERGE2 and so on that is not among used, and
// adds it. It finds one in few looks, though there may be thousands.
func unused(used map[string]bool) string {
	name := func(i int) string { return fmt.Sprintf("MERGE%d", i) }
	most := 1
	for used[name(most)] {
		most *= 2
	}
	n := name(sort.Search(most, func(i int) bool { return i > 0 && !used[name(i)] }))
	used[n] = true
	return n
}
