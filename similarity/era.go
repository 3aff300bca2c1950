package similarity

import (
	"math"

	"mixmatch/merge/block"
)

// An EraFit tells how well the time_embed tensors follow the block that an
// era puts them in.
type EraFit struct {
	Era   block.Era
	Block string  // "kept" for an era that does not merge them
	Noise float64 // |T-M|^2 over time_embed, as a multiple of its rounding noise
}

// RecogniseEra finds out which block map the target was merged with. Eras of
// SuperMerger, and other tools, differ in the block that governs the four
// time_embed tensors (mergers.py: IN00 until 2023-07, OUT11 until 2025-11). Each
// candidate block is solved without them, and its weights are tried on them.
//
// It returns the era whose block explains them best and how all did, in the
// order of [block.Eras]. sure is false if no other is clearly worse, as when
// the blocks have the same weights, or if even the best explains them far worse
// than its own tensors; then the era is the default.
func (g *Gram) RecogniseEra(arch block.Arch) (era block.Era, fits []EraFit, sure bool) {
	var time []*Products
	rest := &Gram{Arch: g.Arch, Names: g.Names, Differences: g.Differences}
	for i := range g.Tensors {
		if block.TellsEra(arch, g.Tensors[i].Key) {
			time = append(time, &g.Tensors[i])
		} else {
			rest.Tensors = append(rest.Tensors, g.Tensors[i])
		}
	}
	era = block.Eras()[0]
	if len(time) == 0 {
		return era, nil, false
	}
	s := g.sumOf(time)
	floor := max(s.floor, s.half, math.SmallestNonzeroFloat64)
	var owns []float64 // the same of each block's own tensors
	for _, e := range block.Eras() {
		l, err := block.For(arch, e)
		if err != nil {
			continue // an era from before the architecture
		}
		id, ok := l.Of(time[0].Key)
		if !ok { // this era keeps those of model A, which may be any
			kept := EraFit{e, "kept", math.Inf(1)}
			for i := range g.models() {
				w := make([]float64, len(g.Names))
				w[i] = 1
				if !s.absent[i] {
					kept.Noise = min(kept.Noise, distance(s.p, w)/floor)
				}
			}
			fits, owns = append(fits, kept), append(owns, roundings/4)
			continue
		}
		blocks := rest.Blocks(l)
		fit, err := blocks.Fit(id, blocks.all(id), nil)
		if err != nil {
			continue // the target lacks that block
		}
		fits = append(fits, EraFit{e, l.Name(id), distance(s.p, fit.Weights) / floor})
		stored, half := blocks.Floor(id)
		owns = append(owns, blocks.Distance(id, fit.Weights)/max(stored, half, math.SmallestNonzeroFloat64))
	}
	if len(fits) == 0 {
		return era, nil, false
	}
	best, own := fits[0], owns[0]
	for i, f := range fits[1:] {
		if f.Noise < best.Noise {
			best, own = f, owns[i+1]
		}
	}
	// The block that governs them explains them about as well as its own tensors.
	sure = best.Noise <= 4*max(1, own)
	for _, f := range fits {
		if f.Block != best.Block && f.Noise < float64(1.5*best.Noise)+1 {
			sure = false
		}
	}
	if sure {
		era = best.Era
	}
	return era, fits, sure
}

// all returns the models that have all of block id, and the differences.
func (b *Blocks) all(id block.ID) []int {
	var free []int
	for i := range b.Names {
		if !b.Lacks(id, i) {
			free = append(free, i)
		}
	}
	return free
}

// Ceiling returns the closest mix of block id that all models together allow, all
// elements counting alike.
func (b *Blocks) Ceiling(id block.ID) (*Fit, error) {
	return b.fit(id, b.all(id), nil, b.sums[id].plain())
}
