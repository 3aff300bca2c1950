package recovery

import (
	"maps"
	"math"
	"slices"

	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// A planted is one mix of a family, what a study of it is told, and what it should
// say.
type planted struct {
	family  *family
	recipe  *recipe.Recipe
	once    bool     // rounded only at the end, not after every step
	typed   bool     // the recipe's ratios are such as people type
	offered []string // sources of the study, without the base
	base    string   // the study's base; "" for none
	finish  finish   // nil for nothing
	store   store    // nil for float16 and nothing before

	// also is the weight in all blocks that finish gives to models; NaN if no
	// number says how much of it is in the mix.
	also map[string]float64

	// neutral is an offered model that it is neither right nor wrong to name:
	// a version of one that is in the mix and not offered.
	neutral string

	rank int // of the LoRA in the mix; 0 for none
	want want
}

// A want is what the verdict should be.
type want uint8

const (
	exact      want = iota // nothing is missing
	notExact               // something else than a weighted sum of the sources was done
	oneMissing             // a source is missing
)

// met reports whether v is what w wants.
func (w want) met(v similarity.Verdict) bool {
	switch w {
	case exact:
		return v == similarity.Exact
	case oneMissing:
		return v == similarity.Missing
	}
	return v != similarity.Exact
}

// A truth is the weights of a planted mix, by model and block.
type truth map[string][]float64

// truth returns the weights of the models, the base and those that are not
// offered included.
func (p *planted) truth() truth {
	l := p.recipe.Layout
	all := truth{}
	for _, name := range append(slices.Clone(p.family.names), baseName) {
		all[name] = make([]float64, l.Len())
	}
	program := p.recipe.Program()
	for id := range l.Blocks().All() {
		for i, w := range program.Weights(p.recipe.Column(id)) {
			all[program.Sources[i]][id] += w
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.also)) {
		for id := range all[name] {
			all[name][id] += p.also[name]
		}
	}
	return all
}

// missing returns the weight of what is in the mix and not offered, the mean over
// the blocks, or NaN if that is nothing or no model.
func (p *planted) missing() float64 {
	total, n := 0.0, 0
	for name, w := range p.truth() {
		if slices.Contains(p.offered, name) || name == baseName {
			continue
		}
		for _, v := range w {
			total += math.Abs(v)
		}
		n = len(w)
	}
	if total == 0 {
		return math.NaN()
	}
	return total / float64(n)
}
