package stepwise

import (
	"context"
	"fmt"
	"slices"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
)

// calcStep returns step s as package calc has it, without its ratios.
func calcStep(s *recipe.Step, era block.Era) calc.Step {
	return calc.Step{Mode: calc.Mode(s.Mode), Calc: calc.Calc(s.Calc), Era: era, Gamma: s.Gamma}
}

// runStep returns the tensors that step s makes of those of its models.
func (c *chain) runStep(ctx context.Context, s *recipe.Step, a, b, third map[string]*node) (map[string]*node, error) {
	base := calcStep(s, c.era)
	if third == nil && base.UsesC() {
		third = a // SuperMerger's way with an empty box
	}
	if isCosine(s) {
		r, ok := c.ranges[s.Out]
		if !ok {
			var err error
			if r, err = c.similarities(ctx, base.Calc, a, b); err != nil {
				return nil, err
			}
			c.ranges[s.Out] = r
		}
		base.Range = r
	}
	r := &stepRun{chain: c, step: s, base: base, gaps: map[gap]int{}}
	out := map[string]*node{}
	for _, key := range c.keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// An average of weights outlives no merge, so no step's model has one.
		if block.PartOf(key) == block.EMA {
			continue
		}
		n, err := r.key(ctx, key, a[key], b[key], third[key], third != nil)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out[key] = n
		}
	}
	c.notes = append(c.notes, r.notes(map[string]map[string]*node{s.A: a, s.B: b, s.C: third})...)
	return out, r.refused()
}

// key returns what the step makes of one key, nil for nothing. The models' a, b
// and third are nil where they lack it; three says whether there is a third.
func (r *stepRun) key(ctx context.Context, key string, a, b, third *node, three bool) (*node, error) {
	s, step := r.step, r.base
	raw := step.Calc == calc.TrainDifference || step.Calc == calc.Extract
	normal := step.Calc == "" || step.Calc == calc.Normal
	passes := s.Mode == recipe.WeightSum && normal // alpha 0 is A and alpha 1 is B, with format and all
	if id, ok := r.recipe.Layout.Of(key); ok {
		step.Alpha = s.AlphaOf(id, key)
		if s.HasBeta() {
			step.Beta = s.Beta[id].Value
		}
	}
	if a == nil {
		switch {
		case b == nil || !r.recipe.Layout.Copies(key):
			return nil, nil
		case s.Mode == recipe.AddDifference && !raw && r.recipe.Layout.Subtracts(key):
			r.differences++
			return nil, nil
		}
		if r.merges(key) && (!passes || step.Alpha != 1) {
			r.gaps[gap{s.A, block.PartOf(key), s.B}]++
		}
		return b, nil
	}
	if !r.merges(key) || passes && step.Alpha == 0 {
		return a, nil
	}
	switch {
	case b == nil:
		r.gaps[gap{s.B, block.PartOf(key), s.A}]++
		return a, nil
	case three && third == nil:
		r.gaps[gap{s.C, block.PartOf(key), s.A}]++
		return a, nil
	case passes && step.Alpha == 1 && slices.Equal(a.shape, b.shape):
		return b, nil
	}
	for _, n := range []*node{a, b, third} {
		if n != nil && !n.mergeable() {
			r.refuse(n)
			return a, nil
		}
	}
	n := &node{key: key, step: &step, a: a, b: b, shape: a.shape}
	var cShape []int
	format := ""
	if step.UsesC() {
		n.c, cShape, format = third, third.shape, third.format()
	}
	part, err := step.Fits(a.shape, b.shape, cShape)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", merge.ErrMismatch, key, err)
	}
	if part {
		r.parts++
	}
	n.dtype = checkpoint.DType(step.DType(key, a.format(), b.format(), format))
	if part && (s.Mode != recipe.AddDifference || !slices.Equal(a.shape, cShape)) {
		n.dtype = checkpoint.DType(a.format())
	}
	n.whole = part || !calc.Elementwise(step.Calc) && !normal || a.whole || b.whole || n.c != nil && n.c.whole
	if step.Calc == calc.TrainDifference {
		// Where there is nothing to learn the tensor stays A's with its format,
		// and the values alone tell.
		same, err := r.equal(ctx, b, n.c)
		if err != nil || same {
			return a, err
		}
	}
	return n, nil
}
