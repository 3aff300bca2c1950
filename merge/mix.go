package merge

import (
	"fmt"
	"slices"
	"strconv"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A Mix says what a merged model is made of.
type Mix struct {
	Layout *block.Layout

	// Recipe is what the mix was brought down from.
	Recipe *recipe.Recipe

	// Weights holds, for each block of the layout, the weight of each model of
	// the pool. Those of a block sum to 1, but for differences. It is nil if the
	// recipe is not linear.
	Weights [][]float64

	// Order lists the models of the recipe in the order it names them, in which
	// they are added up: the order of the pool must not change the last bit. Nil
	// is the order of the pool.
	Order []int

	// Root is the model whose tensors are kept where nothing is merged: model
	// A, in SuperMerger's terms, all the way down the recipe.
	Root int

	// Fill lists the models that keys are copied from which the root lacks,
	// first come first served.
	Fill []int

	// VAE is the model whose VAE is copied bit for bit, or -1 to merge the VAE
	// with the BASE weights, as SuperMerger does.
	VAE int
}

// NewMix brings r, which must be free of holes and name only models of the
// pool, down to a mix. The error wraps [ErrMismatch] if it takes a LoRA for a model, or
// the other way round.
func NewMix(p *Pool, r *recipe.Recipe) (*Mix, error) {
	if err := r.Resolve(p.Names()); err != nil {
		return nil, err
	}
	if err := p.kinds(r); err != nil {
		return nil, err
	}
	m := &Mix{Layout: r.Layout, Recipe: r, VAE: -1}
	for _, name := range append(r.Sources(), r.Differences()...) {
		m.Order = append(m.Order, p.Index(name))
	}
	for id := range r.Layout.Blocks().All() {
		if len(r.Holes(id)) > 0 {
			return nil, fmt.Errorf("block %s: the recipe has holes; search it with optimize first", r.Layout.Name(id))
		}
		if !r.Linear() {
			continue
		}
		// Exactly, so that a weight that cancels is none.
		w := make([]float64, len(p.Models))
		for name, v := range r.Flatten(id) {
			w[p.Index(name)], _ = v.Float64()
		}
		m.Weights = append(m.Weights, w)
	}
	keys := r.KeySources()
	m.Root = p.Index(keys[0])
	for _, name := range keys[1:] {
		m.Fill = append(m.Fill, p.Index(name))
	}
	return m, nil
}

// kinds reports whether what r adds as LoRAs are the pool's differences, and no
// others.
func (p *Pool) kinds(r *recipe.Recipe) error {
	for _, name := range r.Differences() {
		if !p.Models[p.Index(name)].Difference {
			return fmt.Errorf("%w: the recipe adds %s as a LoRA, but it is a model: to add what sets it apart from a BASE, write + (%[2]s - BASE) x %s", ErrMismatch, name, ratioOf(r, name))
		}
	}
	for _, name := range r.Sources() {
		if p.Models[p.Index(name)].Difference {
			return fmt.Errorf("%w: the recipe merges %s as a model, but it is a LoRA: write + <lora:%[2]s> x %s", ErrMismatch, name, ratioOf(r, name))
		}
	}
	return nil
}

// ratioOf returns the weight of a model or LoRA in the first step that names it:
// one number, or "alpha" if blocks have their own.
func ratioOf(r *recipe.Recipe, name string) string {
	const own = "alpha"
	i := slices.IndexFunc(r.Steps, func(s recipe.Step) bool { return s.A == name || s.B == name || s.C == name })
	step, err := recipe.New(r.Layout, r.Steps[i:i+1])
	if err != nil {
		return own
	}
	ratio := ""
	for id := range r.Layout.Blocks().All() {
		w := step.Flatten(id)[name]
		if w == nil {
			return own
		}
		v, _ := w.Float64()
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if ratio != "" && text != ratio {
			return own
		}
		ratio = text
	}
	return ratio
}
