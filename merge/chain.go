package merge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/calc"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/recipe"
)

// A node is one tensor on its way through a recipe: one of a file's, or what a
// step makes of others.
type node struct {
	dtype checkpoint.DType
	shape []int
	whole bool // cannot be computed a chunk at a time

	// Of a file's tensor.
	model int
	file  checkpoint.Tensor

	// Of what a step makes, by key.
	key     string
	step    *calc.Step // nil for a file's
	a, b, c *node      // c is nil unless the step uses it
}

// format is the number format that the arithmetic takes the tensor for.
func (n *node) format() string {
	if n.dtype == "F64" {
		return calc.F32
	}
	return string(n.dtype)
}

// operands returns what the node is made of.
func (n *node) operands() []*node {
	switch {
	case n.step == nil:
		return nil
	case n.c == nil:
		return []*node{n.a, n.b}
	}
	return []*node{n.a, n.b, n.c}
}

// A chain executes a recipe as SuperMerger does: step by step, each step's
// model with numbers in the formats that a file of it would have. No model is
// ever whole in memory or on disk: all steps are done on one tensor, or on one
// chunk of it, before the next.
type chain struct {
	*Pool
	recipe *recipe.Recipe
	era    block.Era
	notes  []string
	ranges map[string]calc.Range // of the cosine modes, by step
	same   map[string]bool       // answers of equal that will not change; nil to forget them
}

// calcStep returns step s as package calc has it, without its ratios.
func calcStep(s *recipe.Step, era block.Era) calc.Step {
	return calc.Step{Mode: calc.Mode(s.Mode), Calc: calc.Calc(s.Calc), Era: era, Gamma: s.Gamma}
}

// Executable reports whether SuperMerger's arithmetic of the era can execute
// the steps that the mix was brought down from, whatever the models. The error
// wraps [ErrRecipe].
func (m *Mix) Executable(era block.Era) error {
	for i := range m.Recipe.Steps {
		s := &m.Recipe.Steps[i]
		step := calcStep(s, era)
		step.Range = calc.Range{Lo: 0, Hi: 1} // measured later
		for id := range m.Layout.Blocks().All() {
			step.Alpha = s.Alpha[id].Value
			if s.HasBeta() {
				step.Beta = s.Beta[id].Value
			}
			alphas := []float64{step.Alpha}
			for _, e := range s.Elements {
				if e.Blocks.Has(id) {
					alphas = append(alphas, e.Ratio)
				}
			}
			for _, step.Alpha = range alphas {
				if err := step.Check(); err != nil {
					return fmt.Errorf("%w: step %s: %w", ErrRecipe, s.Out, err)
				}
			}
		}
	}
	return nil
}

// Keys that SuperMerger does not copy from B though A lacks it (mergers.py:99).
const positionIDs = "cond_stage_model.transformer.text_model.embeddings.position_ids"

// chainJobs decides what becomes of every tensor of the output of a chain.
func (p *Pool) chainJobs(ctx context.Context, mix *Mix, o SaveOptions) ([]job, *Saved, error) {
	c := &chain{Pool: p, recipe: mix.Recipe, era: o.Compat, ranges: map[string]calc.Range{}}
	if c.era == "" {
		c.era = mix.Layout.Era()
	}
	if err := mix.Executable(c.era); err != nil {
		return nil, nil, err
	}
	made, err := c.result(ctx)
	if err != nil {
		return nil, nil, err
	}
	saved := &Saved{Notes: c.notes}
	var jobs []job
	ema := 0
	for _, key := range p.keys {
		n := made[key]
		switch part := block.PartOf(key); {
		case part == block.EMA:
			ema++
			continue
		case part == block.VAE && mix.VAE >= 0:
			if t, ok := p.Models[mix.VAE].Tensor(key); ok {
				n = leaf(mix.VAE, t)
			}
		}
		if n == nil {
			continue
		}
		j := job{key: key, from: n.model, out: checkpoint.Tensor{Name: key, DType: n.dtype, Shape: n.shape}}
		if n.step != nil {
			j.node = n
			saved.Merged++
		} else {
			saved.Copied++
		}
		j.convert(o.DType)
		jobs = append(jobs, j)
	}
	return jobs, saved, finish(jobs, saved, ema)
}

func leaf(model int, t checkpoint.Tensor) *node {
	return &node{dtype: t.DType, shape: t.Shape, model: model, file: t}
}

// result returns the tensors of the recipe's result, by key.
func (c *chain) result(ctx context.Context) (map[string]*node, error) {
	models := map[string]map[string]*node{}
	for _, name := range c.recipe.Sources() {
		i := c.Index(name)
		models[name] = map[string]*node{}
		for _, key := range c.keys {
			if t, ok := c.Models[i].Tensor(key); ok {
				models[name][key] = leaf(i, t)
			}
		}
	}
	needed := map[string]bool{c.recipe.Result(): true}
	for _, s := range slices.Backward(c.recipe.Steps) {
		for _, name := range s.Operands() {
			needed[name] = needed[name] || needed[s.Out]
		}
	}
	for i := range c.recipe.Steps {
		s := &c.recipe.Steps[i]
		if !needed[s.Out] {
			continue
		}
		made, err := c.run(ctx, s, models[s.A], models[s.B], models[s.C])
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", s.Out, err)
		}
		models[s.Out] = made
	}
	return models[c.recipe.Result()], nil
}

// run returns the tensors that step s makes of those of its models.
func (c *chain) run(ctx context.Context, s *recipe.Step, a, b, third map[string]*node) (map[string]*node, error) {
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
	w := &walk{chain: c, step: s, base: base, lacks: map[string]int{}}
	out := map[string]*node{}
	for _, key := range c.keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// An average of weights outlives no merge, so no step's model has one.
		if block.PartOf(key) == block.EMA {
			continue
		}
		n, err := w.key(key, a[key], b[key], third[key], third != nil)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out[key] = n
		}
	}
	for _, name := range s.Operands() { // in order, so that the notes are
		if n := w.lacks[name]; n > 0 {
			c.notes = append(c.notes, fmt.Sprintf("step %s: %s lacks %d tensors that the step merges: kept from %s", s.Out, name, n, s.A))
		}
	}
	if w.differences > 0 {
		c.notes = append(c.notes, fmt.Sprintf("step %s: %s lacks %d tensors that %s has: left out, since a difference is no tensor of a model (SuperMerger puts it there)", s.Out, s.A, w.differences, s.B))
	}
	if w.odd > 0 {
		c.notes = append(c.notes, fmt.Sprintf("step %s: %d tensors are no floating-point numbers in all models: kept from %s", s.Out, w.odd, s.A))
	}
	return out, nil
}

// A walk takes one step from key to key.
type walk struct {
	*chain
	step        *recipe.Step
	base        calc.Step
	lacks       map[string]int // keys that a model lacks, by its name
	differences int            // keys that only a difference has
	odd         int            // keys that are no numbers
}

// key returns what the step makes of one key, nil for nothing. The models' a, b
// and third are nil where they lack it; three says whether there is a third.
func (w *walk) key(key string, a, b, third *node, three bool) (*node, error) {
	s, step := w.step, w.base
	raw := step.Calc == calc.TrainDifference || step.Calc == calc.Extract
	if a == nil {
		switch {
		case b == nil || !strings.Contains(key, "model") || key == positionIDs:
			return nil, nil
		case s.Mode == recipe.AddDifference && !raw && (strings.Contains(key, "weight") || strings.Contains(key, "bias")):
			w.differences++
			return nil, nil
		}
		return b, nil
	}
	id, governed := w.recipe.Layout.Of(key)
	if !governed || !s.Merges(w.recipe.Layout, id, key) {
		return a, nil
	}
	step.Alpha = s.AlphaOf(id, key)
	if s.HasBeta() {
		step.Beta = s.Beta[id].Value
	}
	switch {
	case b == nil:
		w.lacks[s.B]++
		return a, nil
	case three && third == nil:
		w.lacks[s.C]++
		return a, nil
	case !a.dtype.Float() || !b.dtype.Float() || third != nil && !third.dtype.Float():
		w.odd++
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
		return nil, fmt.Errorf("%w: %s: %w", ErrMismatch, key, err)
	}
	n.dtype = checkpoint.DType(step.DType(key, a.format(), b.format(), format))
	if part && (s.Mode != recipe.AddDifference || !slices.Equal(a.shape, cShape)) {
		n.dtype = checkpoint.DType(a.format())
	}
	n.whole = part || !calc.Elementwise(step.Calc) && !normal || a.whole || b.whole || n.c != nil && n.c.whole
	if step.Calc == calc.TrainDifference {
		// Where there is nothing to learn the tensor stays A's with its format,
		// and the values alone tell.
		same, err := w.equal(b, n.c)
		if err != nil || same {
			return a, err
		}
	}
	return n, nil
}
