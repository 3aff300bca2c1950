// Package recipe is the language of merges: it reads and writes SuperMerger's
// notation, and reduces a recipe to what it computes.
//
// A recipe's ratios form a table. People write its rows: a [Row], one ratio for
// each block, is a step's alpha vector. A search moves its columns: in one
// block a recipe is just one or two ratios for each step, and no block depends
// on another. Since every step is linear, a column comes down to one weight for
// each source; see [Program].
//
// A ratio may be left open, as a [Hole]. A recipe with holes is a search space.
package recipe

import (
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A Mode is a way to merge: one of SuperMerger's four, with its "normal"
// calculation (mergers.py:490-547), or the addition of a LoRA. Alpha and beta
// are shares of the later models: at alpha 0 a Weight sum is A, at alpha 1 it
// is B. The alpha of a LoRA is no share: it is what the LoRA is multiplied by.
type Mode uint8

// The modes.
const (
	WeightSum     Mode = iota // (1-alpha) A + alpha B
	AddDifference             // A + alpha (B - C)
	TripleSum                 // (1-alpha-beta) A + alpha B + beta C
	SumTwice                  // (1-beta) ((1-alpha) A + alpha B) + beta C
	AddLoRA                   // A + alpha B, where B is a LoRA
)

// String returns SuperMerger's name of the mode, "Weight sum", and "Add LoRA".
func (m Mode) String() string {
	switch m {
	case WeightSum:
		return "Weight sum"
	case AddDifference:
		return "Add difference"
	case TripleSum:
		return "Triple sum"
	case SumTwice:
		return "sum Twice"
	case AddLoRA:
		return "Add LoRA"
	}
	return "unknown mode"
}

// HasC reports whether the mode merges a third model.
func (m Mode) HasC() bool { return m == AddDifference || m == TripleSum || m == SumTwice }

// HasBeta reports whether the mode takes a second ratio.
func (m Mode) HasBeta() bool { return m == TripleSum || m == SumTwice }

// A Hole says whether a ratio is given or to be found.
type Hole uint8

// The kinds of ratios.
const (
	Fixed  Hole = iota // a number
	Own                // open; the block has a number of its own: `?` in a vector
	Shared             // open; one number for all the open blocks of a group: `x ?`
)

// The bounds of a hole that states none, which are those of SuperMerger's
// slider (supermerger.py:115), and the largest ratio, up or down, that is read
// as one: beyond it a number is a slip, and its digits would not survive.
const (
	DefaultLo = -1.0
	DefaultHi = 2.0
	MaxRatio  = 1e6
)

// A Ratio is one step's alpha or beta in one block. Any finite number is legal,
// negative ones and those above 1 too.
type Ratio struct {
	Value  float64 // for a hole: a stand-in, the number in its bounds nearest to 0; not printed
	Hole   Hole
	Lo, Hi float64 // only for holes
}

// Open returns a hole, with lo < hi for its bounds.
func Open(h Hole, lo, hi float64) Ratio {
	return Ratio{Value: math.Min(math.Max(0, lo), hi), Hole: h, Lo: lo, Hi: hi}
}

// A Row is one ratio for each block, in the order of a layout: an alpha vector.
type Row []Ratio

// Uniform returns a Row that is v in every block of l.
func Uniform(l *block.Layout, v float64) Row {
	return slices.Repeat(Row{{Value: v}}, l.Len())
}

// A Step merges its operands into a new model called Out.
type Step struct {
	Mode    Mode
	A, B, C string // B is a LoRA for AddLoRA; C is "" for that and for WeightSum
	Alpha   Row
	Beta    Row // nil unless the step has one
	Out     string
	Line    int // where the step was read, from 1; 0 for a step that was not

	// Calc is SuperMerger's calculation mode, such as "cosineA"; "" is normal.
	// With it the modes mean what package calc says.
	Calc  string
	Gamma float64 // only for the calculation mode "extract"

	Elements []Element // later ones win
	Include  []string  // blocks, VAE, Adjust, or parts of keys: all that is merged, unless nil
	Exclude  []string  // likewise, that is kept from A
}

// HasBeta reports whether the step takes a second ratio.
func (s *Step) HasBeta() bool { return s.Mode.HasBeta() || calcHasBeta(s.Calc) }

// Operands returns the models that the step merges: two or three, and one if it
// adds a LoRA, which is no model.
func (s *Step) Operands() []string {
	switch {
	case s.Mode.HasC():
		return []string{s.A, s.B, s.C}
	case s.Mode == AddLoRA:
		return []string{s.A}
	}
	return []string{s.A, s.B}
}

// LoRA returns the name of the LoRA that the step adds, "" if it adds none.
func (s *Step) LoRA() string {
	if s.Mode == AddLoRA {
		return s.B
	}
	return ""
}

// A Recipe is a sequence of steps, each after those whose results it takes; its
// result is the last step's Out. Make one with [Parse] or [New].
type Recipe struct {
	Layout *block.Layout
	Steps  []Step
}

// Result returns the name of what the recipe makes, "" if it has no steps.
func (r *Recipe) Result() string {
	if len(r.Steps) == 0 {
		return ""
	}
	return r.Steps[len(r.Steps)-1].Out
}

// Sources returns the models that no step makes, in order of first use. LoRAs
// are not among them; see [Recipe.Differences].
func (r *Recipe) Sources() []string {
	known := make(map[string]bool, len(r.Steps))
	for i := range r.Steps {
		known[r.Steps[i].Out] = true
	}
	var sources []string
	for i := range r.Steps {
		for _, n := range r.Steps[i].Operands() {
			if !known[n] {
				known[n] = true
				sources = append(sources, n)
			}
		}
	}
	return sources
}

// Differences returns the LoRAs that the recipe adds, in order of first use. A
// LoRA is no model but a difference between models, so that its weight stands
// outside the sum of 1. Its name is never that of a model of the same recipe.
func (r *Recipe) Differences() []string {
	var names []string
	for i := range r.Steps {
		if n := r.Steps[i].LoRA(); n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// Clone returns a copy of r that shares nothing with it but the layout.
func (r *Recipe) Clone() *Recipe {
	c := &Recipe{Layout: r.Layout, Steps: slices.Clone(r.Steps)}
	for i := range c.Steps {
		c.Steps[i].Alpha = slices.Clone(c.Steps[i].Alpha)
		c.Steps[i].Beta = slices.Clone(c.Steps[i].Beta)
		c.Steps[i].Elements = slices.Clone(c.Steps[i].Elements)
		c.Steps[i].Include = slices.Clone(c.Steps[i].Include)
		c.Steps[i].Exclude = slices.Clone(c.Steps[i].Exclude)
	}
	return c
}
