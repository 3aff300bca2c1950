package chain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// chain makes the result of the shortest chains.
func (p *Problem) chain(pieces []placed) (*Chain, error) {
	for i := range pieces {
		pieces[i].best = pieces[i].part.preferred(pieces[i].best)
	}
	c := &Chain{pieces: pieces}
	for i, x := range pieces {
		c.Bits += x.chain().bits
		if i > 0 {
			c.Bits += joinBits
		}
	}
	var err error
	if c.Recipe, err = p.recipe(pieces); err != nil {
		return nil, err
	}
	for i, x := range pieces {
		for _, other := range x.best[1:] {
			changed := slices.Clone(pieces)
			changed[i].best = []*solved{other}
			r, err := p.recipe(changed)
			if err != nil {
				return nil, err
			}
			c.Alternatives = append(c.Alternatives, Alternative{r, c.Bits - x.chain().bits + other.bits})
		}
	}
	slices.SortStableFunc(c.Alternatives, func(a, b Alternative) int { return cmp.Compare(a.Bits, b.Bits) })
	return c, nil
}

// recipe writes the chains down, and joins them.
func (p *Problem) recipe(pieces []placed) (*recipe.Recipe, error) {
	var steps []recipe.Step
	results := make([]string, len(pieces))
	temps := 0
	for i, c := range pieces {
		x := c.chain()
		last := p.Names[c.part.models[x.first]]
		for k, s := range x.steps {
			temps++
			out := p.fresh(fmt.Sprintf("TEMP%d", temps))
			if len(pieces) > 1 && k == len(x.steps)-1 {
				out = p.fresh(resultName(c.groups))
			}
			m := recipe.Step{Mode: s.mode, A: last, B: p.Names[c.part.models[s.b]], Out: out}
			if s.c >= 0 {
				m.C = p.Names[c.part.models[s.c]]
			}
			m.Alpha = p.row(c.part, x.alpha[k])
			if s.mode.HasBeta() {
				m.Beta = p.row(c.part, x.beta[k])
			}
			steps = append(steps, m)
			last = out
		}
		results[i] = last
	}
	last := results[0]
	for i, c := range pieces[1:] {
		join := recipe.Uniform(p.Layout, 0)
		for _, id := range c.part.ids {
			join[id].Value = 1
		}
		temps++
		out := p.fresh(fmt.Sprintf("TEMP%d", temps))
		steps = append(steps, recipe.Step{A: last, B: results[i+1], Alpha: join, Out: out})
		last = out
	}
	if len(steps) == 0 { // the target is one of the models
		steps = append(steps, recipe.Step{A: last, B: last, Alpha: recipe.Uniform(p.Layout, 0)})
	}
	steps[len(steps)-1].Out = p.fresh("FINAL")
	return recipe.New(p.Layout, steps)
}

// resultName is what people call the result of a chain that makes some blocks.
func resultName(groups []block.Group) string {
	name := "FINAL"
	for _, g := range groups {
		name += "_" + strings.ToUpper(string(g))
	}
	return name
}

// row writes a row of some of the blocks for all of the layout. One number
// stands in all blocks searched, since other chains make the others of those;
// where nothing was searched it is 0.
func (p *Problem) row(t *part, typed typedRow) recipe.Row {
	row := recipe.Uniform(p.Layout, 0)
	if typed.constant() {
		for _, id := range p.Blocks {
			row[id].Value = typed.numbers[0]
		}
		return row
	}
	for b, id := range t.ids {
		row[id].Value = typed.numbers[b]
	}
	return row
}

// fresh returns name, changed if a model is called so.
func (p *Problem) fresh(name string) string {
	for slices.Contains(p.Names, name) {
		name += "_"
	}
	return name
}
