package compose

import (
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// Recipe returns the steps, with a hole for each ratio of a block that has
// something to find there. Its bounds are [-1, 2], SuperMerger's slider, or wide
// enough for [Composition.Best] to have room around it; [0, 1] with [Between].
func (c *Composition) Recipe() *recipe.Recipe {
	l, names := c.blocks.Layout, c.blocks.Names
	r := &recipe.Recipe{Layout: l}
	if len(c.order) == 1 && len(c.loras) == 0 { // nothing to mix: the target is a source, in these blocks
		r.Steps = []recipe.Step{{A: names[c.order[0]], B: names[c.order[0]], Alpha: recipe.Uniform(l, 0)}}
	}
	last := names[c.order[0]]
	for k, some := range c.broughtIn() {
		s := c.step(some)
		s.A, s.Out = last, c.unusedName(fmt.Sprintf("TEMP%d", k+1))
		s.Alpha = c.row(some[0])
		if s.Mode.HasBeta() {
			s.Beta = c.row(some[1])
		}
		r.Steps = append(r.Steps, s)
		last = s.Out
	}
	for _, i := range c.loras {
		s := recipe.Step{Mode: recipe.AddLoRA, A: last, B: names[i], Out: c.unusedName(fmt.Sprintf("TEMP%d", len(r.Steps)+1))}
		s.Alpha = recipe.Uniform(l, 0)
		for _, id := range c.ids {
			if slices.Contains(c.sources[id], i) {
				s.Alpha[id] = recipe.Open(recipe.Own, -1, 2)
			}
		}
		r.Steps = append(r.Steps, s)
		last = s.Out
	}
	r.Steps[len(r.Steps)-1].Out = c.unusedName("FINAL")
	for _, id := range c.ids {
		c.widenBounds(r, id)
	}
	return r
}

// step returns the mode and the operands, but for A, of the step that brings in
// some models.
func (c *Composition) step(some []int) recipe.Step {
	names, i := c.blocks.Names, some[0]
	switch {
	case len(some) == 2:
		return recipe.Step{Mode: recipe.TripleSum, B: names[i], C: names[some[1]]}
	case c.tree != nil:
		s := c.treeStep(i)
		plus, minus := s.model, s.other
		if s.negative {
			plus, minus = minus, plus
		}
		return recipe.Step{Mode: recipe.AddDifference, B: names[plus], C: names[minus]}
	case c.subtracted >= 0 && i != c.subtracted:
		return recipe.Step{Mode: recipe.AddDifference, B: names[i], C: names[c.subtracted]}
	case c.style == Add: // the same as a weight sum
		return recipe.Step{Mode: recipe.AddDifference, B: names[i], C: names[c.order[0]]}
	}
	return recipe.Step{Mode: recipe.WeightSum, B: names[i]}
}

// row returns the holes of the ratio that brings in model i.
func (c *Composition) row(i int) recipe.Row {
	lo, hi := -1.0, 2.0
	if c.style == Between {
		lo, hi = 0, 1
	}
	row := recipe.Uniform(c.blocks.Layout, 0)
	for _, id := range c.ids {
		if c.hasHole(id, i) {
			row[id] = recipe.Open(recipe.Own, lo, hi)
		}
	}
	return row
}

// hasHole reports whether the ratio that brings in model i has something to find
// in block id.
func (c *Composition) hasHole(id block.ID, i int) bool {
	s := c.models(id)
	if len(s) == 1 && s[0] == c.order[0] {
		return false
	}
	if c.tree != nil { // sets the share of all that are compared with i, too
		return slices.ContainsFunc(s, func(m int) bool { return c.hangsFrom(m, i) })
	}
	if c.subtracted >= 0 && i == c.subtracted {
		return true // sets the share of the first model
	}
	return slices.Contains(s, i)
}

// models returns the models that take part in block id, ascending: its sources but
// for LoRAs.
func (c *Composition) models(id block.ID) []int {
	s := c.sources[id]
	for len(s) > 0 && c.blocks.IsDifference(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// widenBounds makes room for the best column around the holes of block id,
// unless bounds are what was asked for.
func (c *Composition) widenBounds(r *recipe.Recipe, id block.ID) {
	if c.style == Between {
		return
	}
	x := c.Best(id)
	for _, pos := range r.Holes(id) {
		q := r.Ratio(id, pos)
		if x[pos] < q.Lo+0.1 {
			q.Lo = math.Floor(x[pos] - 1)
		}
		if x[pos] > q.Hi-0.1 {
			q.Hi = math.Ceil(x[pos] + 1)
		}
		r.SetRatio(id, pos, q)
	}
}

// unusedName returns name, changed if a model is called so.
func (c *Composition) unusedName(name string) string {
	for slices.Contains(c.blocks.Names, name) {
		name += "_"
	}
	return name
}

// column turns the weights of all models and LoRAs into the ratios of the steps.
func (c *Composition) column(w []float64) []float64 {
	if len(c.order) == 1 && len(c.loras) == 0 {
		return []float64{0}
	}
	x := c.ratios(w)
	for _, i := range c.loras {
		x = append(x, trim(w[i]))
	}
	if c.style == Between { // some are beyond by their errors
		for i, v := range x[:len(x)-len(c.loras)] {
			x[i] = min(max(v, 0), 1)
		}
	}
	return x
}

func (c *Composition) ratios(w []float64) []float64 {
	if c.tree != nil {
		return c.treeRatios(w)
	}
	x := make([]float64, 0, len(c.order)-1)
	sum := w[c.order[0]]
	for _, some := range c.broughtIn() {
		for _, i := range some {
			sum += w[i]
		}
		for _, i := range some {
			switch {
			case c.subtracted >= 0 && i == c.subtracted && i != c.order[0]:
				x = append(x, trim(1-w[c.order[0]]))
			case c.subtracted >= 0:
				x = append(x, w[i])
			case w[i] == 0:
				x = append(x, 0)
			default:
				x = append(x, trim(w[i]/sum))
			}
		}
	}
	return x
}
