package studies

import (
	"slices"

	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// standing returns what speaks for source i, which takes part in the recipe or not.
// A recipe that was given may mix a source that nothing speaks for. What the inner
// products prove is about linear mixes: of another recipe only the result tells.
func (p *problem) standing(i int, taken bool, v similarity.Verdict) similarity.Standing {
	s := p.proof.Models[i].Standing
	if p.merged != nil {
		switch {
		case !taken:
			return similarity.Out
		case v == similarity.Exact:
			return similarity.In
		}
		return similarity.Perhaps
	}
	if taken && s == similarity.Out {
		return similarity.Perhaps
	}
	return s
}

// missing says what is in none of the sources, or nil.
func (p *problem) missing() *Missing {
	u := p.proof.Unknown
	if u == nil || p.merged != nil {
		return nil
	}
	m := &Missing{Weight: u.Weight, Low: u.Low, High: u.High, Subtracted: u.Subtracted}
	for _, i := range u.Near {
		m.Near = append(m.Near, p.blocks.Names[i])
	}
	if base := p.Plan.base(); base >= 0 && p.proof.Models[base].Standing != similarity.In {
		sum := 0.0
		for _, id := range p.ids {
			sum += (p.proof.Blocks[id].Weights[base] + p.proof.Blocks[id].Gap) / float64(len(p.ids))
		}
		m.WithBase = &sum
	}
	return m
}

// evidence returns the least that speaks for the sources that step i brings in.
func (p *problem) evidence(printed *recipe.Recipe, i int) similarity.Standing {
	if p.merged != nil {
		return ""
	}
	least := similarity.In
	before := []string{}
	if i > 0 {
		before = (&recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i]}).Program().Names()
	}
	for _, n := range (&recipe.Recipe{Layout: printed.Layout, Steps: printed.Steps[:i+1]}).Program().Names() {
		k := slices.Index(p.blocks.Names, n)
		if !slices.Contains(before, n) && k != p.Plan.base() && p.proof.Models[k].Standing != similarity.In {
			least = similarity.Perhaps
		}
	}
	return least
}
