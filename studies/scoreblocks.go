package studies

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// scoreGroup scores the recipe printed in the blocks of a group that were
// searched. w is what the searches found.
func (p *problem) scoreGroup(ctx context.Context, w *written, printed *recipe.Recipe, name block.Group) (*Group, []similarity.Finding, error) {
	g := &Group{Name: name}
	program := printed.Program()
	var findings []similarity.Finding
	for _, id := range p.ids {
		if p.blocks.Layout.GroupOf(id) != name {
			continue
		}
		var b *Block
		var f similarity.Finding
		var err error
		if p.merged != nil {
			b, f, err = p.scoreMerged(ctx, w, id, printed.Column(id))
		} else {
			b, f, err = p.scoreWeights(w, id, weightsOf(p.blocks, program, printed.Column(id)))
		}
		if err != nil {
			return nil, nil, err
		}
		findings = append(findings, f)
		g.Blocks = append(g.Blocks, *b)
	}
	if len(g.Blocks) > 0 {
		g.mean()
		g.Verdict = similarity.Sum(findings)
	}
	return g, findings, nil
}

// scoreMerged scores a column of a recipe that is not linear in block id.
func (p *problem) scoreMerged(ctx context.Context, found *written, id block.ID, column []float64) (*Block, similarity.Finding, error) {
	v, d, err := p.merged.scorer(ctx, id)(column)
	if err != nil {
		return nil, similarity.Finding{}, err
	}
	return p.judge(found, id, v, d)
}

// scoreWeights scores weights w in block id.
func (p *problem) scoreWeights(found *written, id block.ID, w []float64) (*Block, similarity.Finding, error) {
	v, err := p.blocks.Score(id, w)
	if err != nil {
		return nil, similarity.Finding{}, err
	}
	b, f, err := p.judge(found, id, v, p.blocks.Distance(id, w))
	if err != nil {
		return nil, f, err
	}
	var sources []int
	for i, v := range w {
		if math.Abs(v) > 1e-9 && !p.blocks.Lacks(id, i) && !p.blocks.Idle(id, i) {
			sources = append(sources, i)
		}
	}
	fit, err := p.blocks.Fit(id, sources, nil)
	if err != nil {
		return nil, f, err
	}
	witness := p.proof.Blocks[id]
	for _, i := range sources {
		q := Weight{Source: p.blocks.Names[i], Weight: w[i], Error: similarity.BarExact * fit.SE[i]}
		q.Low, q.High = fit.Weights[i]-q.Error, fit.Weights[i]+q.Error
		q.Error += math.Abs(w[i] - fit.Weights[i])           // ratios are written shorter than they are
		if f.Verdict != similarity.Exact || !p.proof.Exact { // else nothing that is left out had a part
			q.Error = max(q.Error, witness.Bars[i]+math.Abs(w[i]-witness.Weights[i]))
			q.Low, q.High = witness.Low[i], witness.High[i]
		}
		if math.IsInf(q.Error, 0) || math.IsInf(q.Low, 0) {
			q.Error, q.Low, q.High, q.Vague = 0, q.Weight, q.Weight, true
		}
		b.Weights = append(b.Weights, q)
	}
	for _, set := range witness.Same {
		var names []string
		taken := false
		for _, i := range set {
			names = append(names, p.blocks.Names[i])
			taken = taken || slices.Contains(sources, i)
		}
		if taken {
			b.Same = append(b.Same, names)
		}
	}
	return b, f, nil
}

// judge makes the result in block id of the recipe's cosine v there and of its
// distance d, |T-M|^2.
func (p *problem) judge(found *written, id block.ID, v, d float64) (*Block, similarity.Finding, error) {
	ceiling, err := p.blocks.Nearest(id)
	if err != nil {
		return nil, similarity.Finding{}, err
	}
	// A mix at its ceiling equals it but for the last bits.
	b := &Block{Name: p.blocks.Layout.Name(id), Achieved: v, Ceiling: max(ceiling.Cosine, v)}
	base := p.Plan.base()
	if base >= 0 {
		e := p.blocks.Explained(id, d, base)
		b.Explained = &e
	}
	if v, ok := found.searched(id); ok {
		b.Searched = &v
	}
	b.Trials = found.trials(b.Name)
	f := p.blocks.Judge(id, d, ceiling, base, max(p.recipe.Program().Width(), len(p.proof.Chosen)), p.merged != nil || p.proof.Blocks[id].Exact)
	b.Unexplained, b.Noise, b.Verdict = f.Unexplained, f.Noise, f.Verdict
	return b, f, nil
}

// mean sets the group's numbers to the means of its blocks'.
func (g *Group) mean() {
	n := float64(len(g.Blocks))
	explained := 0.0
	for _, b := range g.Blocks {
		g.Achieved += b.Achieved / n
		g.Ceiling += b.Ceiling / n
		if b.Explained != nil {
			explained += *b.Explained / n
		}
	}
	if g.Blocks[0].Explained != nil {
		g.Explained = &explained
	}
}
