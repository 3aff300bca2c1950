package studies

import (
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// partless fills in which sources may hold what is missing: those that are in the mix
// and lack weights in the only blocks of groups in which something is missing.
func (p *problem) partless(m *Missing, groups []Group, g *similarity.Gram) {
	if m == nil {
		return
	}
	verdicts := map[string]similarity.Verdict{}
	for _, g := range groups {
		for _, b := range g.Blocks {
			verdicts[b.Name] = b.Verdict
		}
	}
	var blocks []string
	lacking := make([]bool, len(p.blocks.Names))
	exact := false
	for _, id := range p.ids {
		name := p.blocks.Layout.Name(id)
		switch verdicts[name] {
		case similarity.Exact:
			exact = true
			continue
		case similarity.Short: // for another reason
			return
		}
		found := false
		for i := range lacking {
			if p.blocks.Lacks(id, i) && !p.blocks.IsDifference(i) && p.proof.Models[i].Standing == similarity.In {
				lacking[i], found = true, true
			}
		}
		if !found {
			return
		}
		blocks = append(blocks, name)
	}
	if !exact || len(blocks) == 0 {
		return
	}
	m.Blocks = blocks
	for i, name := range p.blocks.Names {
		if lacking[i] {
			m.Lacking = append(m.Lacking, name)
		}
	}
	for _, l := range g.Lacking(p.blocks.Layout) {
		if l.N == l.Of && l.Part != block.VAE && slices.Contains(m.Lacking, l.Model) {
			m.Part = l.Part.String()
		}
	}
}
