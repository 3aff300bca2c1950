package studies

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// sameBits is the largest |T-S|^2/|T|^2 that rounding to bfloat16 explains.
const sameBits = 4e-6

// summarise is the last phase of a run: it scores the recipe as it is printed.
func (p *problem) summarise(ctx context.Context, m *measured, w *written) (*Summary, error) {
	s := &Summary{
		Format: summaryFormat, Target: p.Plan.Target.Name, Base: p.Plan.Base,
		Arch: m.arch, Era: p.blocks.Layout.Era(), EraBy: "given",
		Recipe: w.recipe.String(), Template: p.Plan.Template != "",
		Twins: p.blocks.Twins(), Fingerprints: p.Plan.Fingerprints(),
	}
	switch {
	case len(block.ErasOf(m.arch)) == 1:
		s.EraBy = "only"
	case p.Plan.Era == "":
		s.EraBy = "assumed"
		if m.eraIsSure {
			s.EraBy = "recognised"
		}
		for _, e := range m.eras {
			s.Eras = append(s.Eras, EraFit(e))
		}
	}
	for _, f := range w.searches {
		s.Trials += f.trials
	}
	// What is printed is what is scored: the recipe is read back from its text.
	printed, err := recipe.Parse(p.blocks.Layout, s.Recipe, recipe.Options{})
	if err != nil {
		return nil, fmt.Errorf("the recipe found cannot be read back: %w", err)
	}
	var findings []similarity.Finding
	var names []block.Group
	for _, name := range p.Plan.Groups {
		g, inGroup, err := p.scoreGroup(ctx, w, printed, name)
		if err != nil {
			return nil, err
		}
		if len(g.Blocks) == 0 {
			continue
		}
		names, findings = append(names, name), append(findings, inGroup...)
		s.Groups = append(s.Groups, *g)
	}
	s.Verdict = similarity.Sum(findings)
	s.Missing = p.missing()
	p.partless(s.Missing, s.Groups, m.gram)
	s.Sources = p.tally(s, printed.Program().Names())
	if s.VAE = m.told.VAE; len(s.Fingerprints) == 0 {
		s.VAE = vaeOf(m.gram, p.vaeWeights(printed))
	}
	if s.Steps, err = p.scoreSteps(printed); err != nil {
		return nil, err
	}
	if p.merged != nil {
		last := &s.Steps[len(s.Steps)-1]
		last.Similarity = map[block.Group]float64{}
		for _, g := range s.Groups {
			last.Similarity[g.Name] = g.Achieved
		}
	}
	r, err := p.read(ctx, m, w, printed, names)
	if err != nil {
		return nil, err
	}
	s.LoRA, s.Notes, s.Unread = r.LoRA, append(s.fingerprintNotes(len(p.Plan.Sources)+1), r.Notes...), r.unread
	s.addPublished(&r.Published)
	return s, nil
}

// tally returns all sources with what speaks for them and the range of their
// weights in the blocks scored. The recipe names those that take part.
func (p *problem) tally(s *Summary, named []string) []Source {
	totals := make([]Source, len(p.blocks.Names))
	others := make([]Source, len(totals)) // in blocks where sources stand in for one that has no part there
	for _, g := range s.Groups {
		for _, b := range g.Blocks {
			in := totals
			if s.Missing != nil && slices.Contains(s.Missing.Blocks, b.Name) {
				in = others
			}
			for _, q := range b.Weights {
				in[slices.Index(p.blocks.Names, q.Source)].add(q)
			}
		}
	}
	for i, name := range p.blocks.Names {
		if totals[i].Blocks == 0 {
			totals[i] = others[i]
		}
		totals[i].Name, totals[i].LoRA = name, p.blocks.IsDifference(i)
		totals[i].Evidence = p.standing(i, slices.Contains(named, name), s.Verdict)
	}
	return totals
}

// add widens the source's range by its weight in a block.
func (s *Source) add(q Weight) {
	if s.Blocks == 0 {
		s.Low, s.High = q.Weight, q.Weight
	}
	s.Low, s.High = min(s.Low, q.Weight), max(s.High, q.Weight)
	s.MaxError = max(s.MaxError, q.Error)
	s.Vague = s.Vague || q.Vague
	s.Blocks++
}

// vaeWeights returns the weights that a recipe gives the models in the block that
// the VAE is blended with, nil if it is not.
func (p *problem) vaeWeights(r *recipe.Recipe) []float64 {
	id, ok := p.blocks.Layout.MergesVAE()
	if !ok {
		return nil
	}
	return weightsOf(p.blocks, r.Program(), r.Column(id))
}

// vaeOf says where the target's VAE comes from, if blend are the models' weights
// in it; nil if it is not merged.
func vaeOf(g *similarity.Gram, blend []float64) VAE {
	v := VAE{}
	best := math.Inf(1)
	for i, d := range g.VAE() {
		if d >= 0 && d < best {
			best = d
			v = VAE{Source: g.Names[i], Same: d < sameBits, Difference: math.Sqrt(d)}
		}
	}
	if d := g.VAEOf(blend); blend != nil && !v.Same && d >= 0 && d < sameBits {
		v.Blended = true
	}
	return v
}
