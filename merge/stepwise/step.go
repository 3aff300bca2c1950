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
	r := &stepRun{chain: c, step: s, base: base, lacks: map[string]int{}}
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
	for _, name := range s.Operands() { // in order, so that the notes are
		if n := r.lacks[name]; n > 0 {
			c.notes = append(c.notes, fmt.Sprintf("step %s: %s lacks %d tensors that the step merges: kept from %s", s.Out, name, n, s.A))
		}
	}
	if r.differences > 0 {
		c.notes = append(c.notes, fmt.Sprintf("step %s: %s lacks %d tensors that %s has: left out, since a difference is no tensor of a model (SuperMerger puts it there)", s.Out, s.A, r.differences, s.B))
	}
	if r.odd > 0 {
		c.notes = append(c.notes, fmt.Sprintf("step %s: %d tensors are no floating-point numbers in all models: kept from %s", s.Out, r.odd, s.A))
	}
	return out, nil
}

// A stepRun carries out one step, key by key.
type stepRun struct {
	*chain
	step        *recipe.Step
	base        calc.Step
	lacks       map[string]int // keys that a model lacks, by its name
	differences int            // keys that only a difference has
	odd         int            // keys that are no numbers
}

// key returns what the step makes of one key, nil for nothing. The models' a, b
// and third are nil where they lack it; three says whether there is a third.
func (r *stepRun) key(ctx context.Context, key string, a, b, third *node, three bool) (*node, error) {
	s, step := r.step, r.base
	raw := step.Calc == calc.TrainDifference || step.Calc == calc.Extract
	if a == nil {
		switch {
		case b == nil || !block.OfModel(key) || key == block.PositionIDs:
			return nil, nil
		case s.Mode == recipe.AddDifference && !raw && block.IsWeight(key):
			r.differences++
			return nil, nil
		}
		return b, nil
	}
	id, governed := r.recipe.Layout.Of(key)
	if !governed || !s.Merges(r.recipe.Layout, id, key) {
		return a, nil
	}
	step.Alpha = s.AlphaOf(id, key)
	if s.HasBeta() {
		step.Beta = s.Beta[id].Value
	}
	switch {
	case b == nil:
		r.lacks[s.B]++
		return a, nil
	case three && third == nil:
		r.lacks[s.C]++
		return a, nil
	case !a.dtype.Float() || !b.dtype.Float() || third != nil && !third.dtype.Float():
		r.odd++
		return a, nil
	}
	normal := step.Calc == "" || step.Calc == calc.Normal
	if s.Mode == recipe.WeightSum && normal { // passed through, with format and all
		switch {
		case step.Alpha == 0:
			return a, nil
		case step.Alpha == 1 && slices.Equal(a.shape, b.shape):
			return b, nil
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
