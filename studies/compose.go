package studies

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// With no recipe given, one is composed from what the inner products prove:
// which sources take part, in what order, with what kind of step.

const (
	// A model is left out of a block where its weight is within so many standard
	// errors of zero, or too small to matter to three decimals.
	aside   = 3.5
	trivial = 0.0005
	// It is left out as well where it explains less than this share of what is left:
	// where that is rounding, and where it is a model that is missing.
	worthAtNoise = 0.01
	worthElse    = 0.001
)

// A composition is a recipe under construction.
type composition struct {
	blocks  *similarity.Blocks
	ids     []block.ID                   // the blocks searched
	base    int                          // the model add-difference subtracts, or -1
	support map[block.ID][]int           // the models that take part in each block, ascending
	fits    map[block.ID]*similarity.Fit // of the support: the best there is
	order   []int                        // the models that take part anywhere, in the order of the steps
	diff    int                          // the model that the steps subtract, or -1 for a chain of weight sums
	style   Style
	proof   *similarity.Evidence
	tree    []link // what the steps add, if differences between various models; see [composition.between]
}

// compose chooses the models, their order and the kind of steps.
//
// kept is the model whose tensors the target kept where nothing is merged, or
// -1; it becomes model A, unless the style leaves no choice.
func compose(b *similarity.Blocks, ids []block.ID, base, kept int, style Style, proof *similarity.Evidence) (*composition, error) {
	c := &composition{blocks: b, ids: ids, base: base, support: map[block.ID][]int{}, fits: map[block.ID]*similarity.Fit{}, diff: -1, style: style, proof: proof}
	taken := make([]bool, len(b.Names))
	for _, id := range ids {
		s, fit, err := c.eliminate(id, proof.Chosen)
		if err != nil {
			return nil, err
		}
		c.support[id], c.fits[id] = s, fit
		for _, i := range s {
			taken[i] = true
		}
	}
	var models []int
	for i, ok := range taken {
		if ok {
			models = append(models, i)
		}
	}
	if err := c.arrange(models, kept); err != nil {
		return nil, err
	}
	return c, c.restyle()
}

// eliminate takes from the models of free, one by one, those whose weight in
// block id is nothing within its error. Where nothing would be left, or no
// model of free has the block, all that have it stay candidates.
func (c *composition) eliminate(id block.ID, free []int) ([]int, *similarity.Fit, error) {
	has := func(i int) bool { return !c.blocks.Lacks(id, i) }
	left := c.present(id, free)
	if len(left) == 0 {
		for i := range c.blocks.Names {
			if has(i) {
				left = append(left, i)
			}
		}
	}
	// An element's share of a squared error is len times that of the block.
	clear := max(aside, math.Sqrt(c.worth(id)*float64(c.blocks.Len(id))))
	for {
		fit, err := c.blocks.Fit(id, left, nil)
		if err != nil {
			return nil, nil, fmt.Errorf("block %s: %w", c.blocks.Layout.Name(id), err)
		}
		worst, least := -1, 1.0
		for k, i := range left {
			limit := max(clear*fit.SE[i], trivial)
			if r := math.Abs(fit.Weights[i]) / limit; r < least {
				worst, least = k, r
			}
		}
		if worst < 0 || len(left) == 1 {
			return left, fit, nil
		}
		left = slices.Delete(slices.Clone(left), worst, worst+1)
	}
}

// worth is the share of what is left of block id that a model must explain.
func (c *composition) worth(id block.ID) float64 {
	if c.blocks.AtNoise(id) {
		return worthAtNoise
	}
	return worthElse
}

// arrange orders the models by what each adds to the similarity, first those that
// are surely in the mix and then those that may only stand for another, and
// decides which is subtracted, if one is.
//
// In a chain of weight sums model j comes in with the ratio w_j / (w_0+..+w_j),
// which wants partial sums clear of zero. A chain of add differences against a
// model d has the weights themselves for ratios, and always works; it costs a
// step to set the share of d, unless d starts the chain. Both take one step
// fewer than there are models, which is the fewest for steps that bring in one
// model each.
func (c *composition) arrange(models []int, kept int) error {
	total, below := make([]float64, len(c.blocks.Names)), make([]float64, len(c.blocks.Names))
	for _, id := range c.ids {
		for i, w := range c.fits[id].Weights {
			total[i] += w
			below[i] += min(0, w)
		}
	}
	// What is subtracted is the base, if it is; else, or if nobody named one, the
	// model that has the most below zero.
	base := c.base
	if base < 0 || below[base] == 0 {
		for _, i := range models {
			if below[i] < 0 && (base < 0 || below[i] < below[base]) {
				base = i
			}
		}
	}
	// The first is the one whose tensors were kept, or the one there is most of;
	// the base only if nothing else is there.
	left := slices.Clone(models)
	slices.SortStableFunc(left, func(i, j int) int {
		switch {
		case (i == kept) != (j == kept):
			if i == kept {
				return -1
			}
			return 1
		case (i == base) != (j == base):
			if i == base {
				return 1
			}
			return -1
		case c.surely(i) != c.surely(j):
			if c.surely(i) {
				return -1
			}
			return 1
		}
		return cmp.Compare(math.Round(1000*total[j]), math.Round(1000*total[i])) // beyond the errors it is chance
	})
	c.order, left = []int{left[0]}, left[1:]
	if base >= 0 && slices.Contains(left, base) && below[base] < 0 {
		c.diff = base
		c.order = append(c.order, base)
		left = slices.DeleteFunc(left, func(i int) bool { return i == base })
	}
	for len(left) > 0 {
		best, most := 0, math.Inf(-1)
		some := slices.ContainsFunc(left, c.surely)
		for k, i := range left {
			if some && !c.surely(i) {
				continue
			}
			sum := 0.0
			for _, id := range c.ids {
				v, err := c.blocks.Reach(id, c.present(id, append(slices.Clone(c.order), i)))
				if err == nil {
					sum += v
				}
			}
			if sum > most {
				best, most = k, sum
			}
		}
		c.order = append(c.order, left[best])
		left = slices.Delete(left, best, best+1)
	}
	return nil
}

// surely reports whether model i is surely in the mix.
func (c *composition) surely(i int) bool { return c.proof.Models[i].Standing == similarity.In }

// present returns the models of some that block id has, ascending, so that the
// same set gives the same sums.
func (c *composition) present(id block.ID, some []int) []int {
	var out []int
	for _, i := range some {
		if !c.blocks.Lacks(id, i) {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return out
}

// chains reports whether weight sums in the order chosen keep all ratios
// within [-1, 2], SuperMerger's slider.
func (c *composition) chains() bool {
	for _, id := range c.ids {
		sum := 0.0
		for _, i := range c.order {
			w := c.fits[id].Weights[i]
			sum += w
			if w != 0 && (math.Abs(sum) < 0.02 || w/sum < -1 || w/sum > 2) {
				return false
			}
		}
	}
	return true
}

// recipe writes the steps, with a hole wherever a block has something to find.
func (c *composition) recipe() *recipe.Recipe {
	l, names := c.blocks.Layout, c.blocks.Names
	r := &recipe.Recipe{Layout: l}
	if len(c.order) == 1 { // nothing to mix: the target is a source, in these blocks
		r.Steps = []recipe.Step{{A: names[c.order[0]], B: names[c.order[0]], Alpha: recipe.Uniform(l, 0)}}
	}
	last := names[c.order[0]]
	for k, some := range c.groups() {
		s := c.step(some)
		s.A, s.Out = last, c.fresh(fmt.Sprintf("TEMP%d", k+1))
		s.Alpha = c.holes(some[0])
		if s.Mode.HasBeta() {
			s.Beta = c.holes(some[1])
		}
		r.Steps = append(r.Steps, s)
		last = s.Out
	}
	r.Steps[len(r.Steps)-1].Out = c.fresh("FINAL")
	return r
}

// step returns the mode and the operands, but for A, of the step that brings in
// some models.
func (c *composition) step(some []int) recipe.Step {
	names, i := c.blocks.Names, some[0]
	switch {
	case len(some) == 2:
		return recipe.Step{Mode: recipe.TripleSum, B: names[i], C: names[some[1]]}
	case c.tree != nil:
		l := c.link(i)
		plus, minus := l.model, l.other
		if l.negative {
			plus, minus = minus, plus
		}
		return recipe.Step{Mode: recipe.AddDifference, B: names[plus], C: names[minus]}
	case c.diff >= 0 && i != c.diff:
		return recipe.Step{Mode: recipe.AddDifference, B: names[i], C: names[c.diff]}
	case c.style == Add: // the same as a weight sum
		return recipe.Step{Mode: recipe.AddDifference, B: names[i], C: names[c.order[0]]}
	}
	return recipe.Step{Mode: recipe.WeightSum, B: names[i]}
}

// holes returns the row of the ratio that brings in model i.
func (c *composition) holes(i int) recipe.Row {
	lo, hi := -1.0, 2.0
	if c.style == Between {
		lo, hi = 0, 1
	}
	row := recipe.Uniform(c.blocks.Layout, 0)
	for _, id := range c.ids {
		if c.open(id, i) {
			row[id] = recipe.Open(recipe.Own, lo, hi)
		}
	}
	return row
}

// open reports whether the step that brings in model i has something to find
// in block id.
func (c *composition) open(id block.ID, i int) bool {
	s := c.support[id]
	if len(s) == 1 && s[0] == c.order[0] {
		return false
	}
	if c.tree != nil { // sets the share of all that are compared with i, too
		return slices.ContainsFunc(s, func(m int) bool { return c.under(m, i) })
	}
	if c.diff >= 0 && i == c.diff {
		return true // sets the share of the first model
	}
	return slices.Contains(s, i)
}

// fresh returns name, changed if a model is called so.
func (c *composition) fresh(name string) string {
	for slices.Contains(c.blocks.Names, name) {
		name += "_"
	}
	return name
}

// exact returns the column of block id that comes closest, one ratio a model.
func (c *composition) exact(id block.ID) []float64 { return c.column(c.fits[id].Weights) }

// column turns weights into ratios, one for each model but the first.
func (c *composition) column(w []float64) []float64 {
	if len(c.order) == 1 {
		return []float64{0}
	}
	x := c.ratios(w)
	if c.style == Between { // some are beyond by their errors
		for i, v := range x {
			x[i] = min(max(v, 0), 1)
		}
	}
	return x
}

func (c *composition) ratios(w []float64) []float64 {
	if c.tree != nil {
		return c.treeRatios(w)
	}
	x := make([]float64, 0, len(c.order)-1)
	sum := w[c.order[0]]
	for _, some := range c.groups() {
		for _, i := range some {
			sum += w[i]
		}
		for _, i := range some {
			switch {
			case c.diff >= 0 && i == c.diff && i != c.order[0]:
				x = append(x, round(1-w[c.order[0]]))
			case c.diff >= 0:
				x = append(x, w[i])
			case w[i] == 0:
				x = append(x, 0)
			default:
				x = append(x, round(w[i]/sum))
			}
		}
	}
	return x
}

// round takes off the last bits, where decimals added up are not quite one.
func round(v float64) float64 { return math.Round(v*1e10) / 1e10 }
