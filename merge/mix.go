package merge

import (
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// A Mix says what a merged model is made of.
type Mix struct {
	Layout *block.Layout

	// Weights holds, for each block of the layout, the weight of each model of
	// the pool. The weights of a block sum to 1.
	Weights [][]float64

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
// pool, down to a mix.
func NewMix(p *Pool, r *recipe.Recipe) (*Mix, error) {
	if err := r.Resolve(p.Names()); err != nil {
		return nil, err
	}
	program := r.Program()
	place := make([]int, len(program.Sources))
	for i, name := range program.Sources {
		place[i] = p.Index(name)
	}
	m := &Mix{Layout: r.Layout, VAE: -1}
	for id := range r.Layout.Blocks().All() {
		if len(r.Holes(id)) > 0 {
			return nil, fmt.Errorf("block %s: the recipe has holes; search it with optimize first", r.Layout.Name(id))
		}
		w := make([]float64, len(p.Models))
		for i, v := range program.Weights(r.Column(id)) {
			w[place[i]] += v
		}
		m.Weights = append(m.Weights, w)
	}
	m.Root = p.Index(root(r))
	for _, s := range r.Steps {
		// SuperMerger copies what A lacks from B, but a difference is no model:
		// nothing is ever copied from one.
		if s.Mode == recipe.AddDifference {
			continue
		}
		if i := p.Index(s.B); i >= 0 && i != m.Root && !slices.Contains(m.Fill, i) {
			m.Fill = append(m.Fill, i)
		}
	}
	return m, nil
}

// root returns the source that model A of r's last step comes down to.
func root(r *recipe.Recipe) string {
	name := r.Result()
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if r.Steps[i].Out == name {
			name = r.Steps[i].A
		}
	}
	return name
}
