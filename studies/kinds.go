package studies

import (
	"fmt"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// mixed reports whether some of the models are of a kind that others are not, as
// inpainting models beside usual ones are. Only then do inputs say what they are.
func (p *Plan) mixed() bool {
	for _, in := range p.inputs() {
		if in.Variant != "" {
			return true
		}
	}
	return false
}

// begins reports whether a merge that makes a model of the target's kind may begin
// with source i.
func (p *Plan) begins(i int) bool { return p.Sources[i].Variant == p.Target.Variant }

// firstModel returns the model that the steps are to begin with, or -1 for any: the
// one whose tensors the target has where nothing is merged, and of models of several
// kinds one of the target's.
func (s *Study) firstModel(m *measured) int {
	kept := keptModel(m)
	if !s.Plan.mixed() || kept >= 0 && s.Plan.begins(kept) {
		return kept
	}
	best, most := -1, 0.0
	for i, in := range s.Plan.Sources {
		sum := 0.0
		for _, id := range m.ids {
			sum += m.proof.Blocks[id].Weights[i]
		}
		if !in.Difference && s.Plan.begins(i) && (best < 0 || sum > most) {
			best, most = i, sum
		}
	}
	return best
}

// makes returns what is wrong with the steps of r, if they take in models of kinds
// that theirs do not, or do not make a model of the target's kind.
func (p *Plan) makes(arch block.Arch, r *recipe.Recipe) error {
	if !p.mixed() {
		return nil
	}
	kinds := map[string]block.Model{}
	for _, in := range p.Sources {
		kinds[in.Name] = block.Model{Arch: arch, Variant: in.Variant}
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		a, b, c := kinds[s.A], kinds[s.B], kinds[s.C]
		switch {
		case s.Mode == recipe.AddDifference && !b.Takes(c):
			return fmt.Errorf("the step that makes %s subtracts %s, which is %s, from %s, which is %s", s.Out, s.C, c, s.B, b)
		case s.Mode == recipe.AddDifference && b != c:
			b = c // what they share
		case s.Mode.HasC() && s.Mode != recipe.AddDifference && b != c:
			return fmt.Errorf("the step that makes %s merges %s, which is %s, and %s, which is %s, into a third", s.Out, s.B, b, s.C, c)
		}
		if s.LoRA() == "" && !a.Takes(b) {
			return fmt.Errorf("the step that makes %s merges into %s, which is %s, a model that is %s", s.Out, s.A, a, b)
		}
		kinds[s.Out] = a
	}
	if made := kinds[r.Result()]; made.Variant != p.Target.Variant {
		return fmt.Errorf("the steps make a model that is %s, and the target is %s", made, block.Model{Arch: arch, Variant: p.Target.Variant})
	}
	return nil
}
