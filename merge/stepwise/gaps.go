package stepwise

import (
	"fmt"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/recipe"
)

// A stepRun carries out one step, key by key, and counts what it does not merge.
type stepRun struct {
	*chain
	step        *recipe.Step
	base        calc.Step
	gaps        map[gap]int
	differences int   // keys that only a difference has
	parts       int   // keys of which A has more channels than the others
	odd         *node // the first in numbers that are not computed with
	odds        int   // how many there are of its model
}

// A gap is a tensor of part that the model lacks though the step merges it. That of
// another stands there instead.
type gap struct {
	model string
	part  block.Part
	from  string
}

// merges reports whether the step merges what models have of key.
func (r *stepRun) merges(key string) bool {
	id, governed := r.recipe.Layout.Of(key)
	return governed && r.step.Merges(r.recipe.Layout, id, key)
}

// notes says what is lacking in the step's models.
func (r *stepRun) notes(models map[string]map[string]*node) []string {
	var notes []string
	for _, name := range r.step.Operands() { // in order, so that the notes are
		for _, part := range block.Parts() {
			for _, from := range []string{r.step.A, r.step.B} {
				n := r.gaps[gap{name, part, from}]
				if n == 0 {
					continue
				}
				all := true
				for key := range models[name] {
					all = all && block.PartOf(key) != part
				}
				become := "kept from " + from
				if name == r.step.A {
					become = "taken from " + from
				}
				notes = append(notes, "step "+r.step.Out+": "+merge.Lacking(name, part, n, all, become))
			}
		}
	}
	if r.parts > 0 {
		notes = append(notes, fmt.Sprintf("step %s: %d tensors are merged in the input channels that all models have: the others are kept from %s", r.step.Out, r.parts, r.step.A))
	}
	if r.differences > 0 {
		notes = append(notes, fmt.Sprintf("step %s: %s lacks %d tensors that %s has: left out, since a difference is no tensor of a model (SuperMerger puts it there)", r.step.Out, r.step.A, r.differences, r.step.B))
	}
	return notes
}

// mergeable reports whether SuperMerger computes with the node's numbers.
func (n *node) mergeable() bool {
	switch n.format() {
	case calc.F16, calc.BF16, calc.F32:
		return true
	}
	return false
}

// refuse counts a tensor that the step merges but that is stored in numbers which
// are not computed with. One that a step made is told by the first file's tensor
// that it was made of, whose format it has.
func (r *stepRun) refuse(n *node) {
	for of := n.operands(); of != nil; of = n.operands() {
		n = of[0]
	}
	if r.odd == nil {
		r.odd = n
	}
	if n.model == r.odd.model {
		r.odds++
	}
}

// refused returns the error for what was refused, if anything was.
func (r *stepRun) refused() error {
	if r.odd == nil {
		return nil
	}
	other := ""
	if r.odd.dtype.Float() {
		other = ", or merge in one go"
	}
	return fmt.Errorf("%w: %s: tensor %s is stored as %s, which SuperMerger does not compute with (%d such tensors): give the model in fp16%s",
		merge.ErrMismatch, r.Models[r.odd.model].Name, r.Models[r.odd.model].Quote(r.odd.file.Name), r.odd.dtype, r.odds, other)
}
