package similarity

import (
	"math"
	"slices"

	"mixmatch/merge/block"
)

// An EraFit tells how well the tensors whose block differs from era to era follow
// the block that an era puts them in.
type EraFit struct {
	Era   block.Era
	Block string  // "kept" for an era that does not merge them; [TheirBlocks]
	Noise float64 // |T-M|^2 over them, as a multiple of their rounding noise
}

// TheirBlocks stands for the block of an [EraFit] where there are several.
const TheirBlocks = "their blocks"

// RecogniseEra finds out which block map the target was merged with. Eras of
// SuperMerger, and other tools, differ in the block that governs some tensors:
// of Stable Diffusion the four of time_embed (mergers.py: IN00 until 2023-07,
// OUT11 until 2025-11), of Flux the scales of norms. Each candidate block is
// solved without them, and its weights are tried on them.
//
// It returns the era whose blocks explain them best and how all did, in the
// order of [block.ErasOf]. sure is false if no other is clearly worse, as when
// the blocks have the same weights, or if even the best explains them far worse
// than its own tensors; then the era is the default. An architecture that one era
// alone knows has no fits.
func (g *Gram) RecogniseEra(arch block.Arch) (era block.Era, fits []EraFit, sure bool) {
	first, err := block.Default(arch)
	if err != nil {
		return "", nil, false
	}
	era = first.Era()
	var marks []*Products
	rest := g.WithTensors(nil)
	for i := range g.Tensors {
		if first.TellsEra(g.Tensors[i].Key) {
			marks = append(marks, &g.Tensors[i])
		} else {
			rest.Tensors = append(rest.Tensors, g.Tensors[i])
		}
	}
	if len(marks) == 0 {
		return era, nil, false
	}
	var owns []float64 // how well each era's blocks explain their own tensors
	for _, e := range block.ErasOf(arch) {
		l, err := block.For(arch, e)
		if err != nil {
			continue
		}
		fit, own, ok := rest.eraFit(l, marks)
		if !ok {
			continue // the target lacks those blocks
		}
		fits, owns = append(fits, fit), append(owns, own)
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

// eraFit returns how well marks follow the blocks that l puts them in, and how
// well those blocks, which g has without marks, are explained themselves.
func (g *Gram) eraFit(l *block.Layout, marks []*Products) (fit EraFit, own float64, ok bool) {
	all := g.sumOf(marks)
	floor := max(all.floor, all.half, math.SmallestNonzeroFloat64)
	of := map[block.ID][]*Products{}
	var ids []block.ID
	var kept []*Products
	for _, t := range marks {
		id, governed := l.Of(t.Key)
		switch {
		case !governed:
			kept = append(kept, t)
			continue
		case of[id] == nil:
			ids = append(ids, id)
		}
		of[id] = append(of[id], t)
	}
	fit.Era = l.Era()
	own = roundings / 4
	if len(kept) > 0 { // this era keeps those of model A, which may be any
		fit.Block, fit.Noise = "kept", math.Inf(1)
		s := g.sumOf(kept)
		for i := range g.models() {
			w := make([]float64, len(g.Names))
			w[i] = 1
			if !s.absent[i] {
				fit.Noise = min(fit.Noise, distance(s.p, w)/floor)
			}
		}
	}
	if len(ids) == 0 {
		return fit, own, true
	}
	fit.Block = TheirBlocks
	if len(ids) == 1 {
		fit.Block = l.Name(ids[0])
	}
	theirs := g.WithTensors(nil) // of these blocks, all that is asked for
	for _, t := range g.Tensors {
		if id, governed := l.Of(t.Key); governed && slices.Contains(ids, id) {
			theirs.Tensors = append(theirs.Tensors, t)
		}
	}
	blocks := theirs.Blocks(l)
	left, rounding, rounding16 := 0.0, 0.0, 0.0
	for _, id := range ids {
		f, err := blocks.Mix(id, blocks.all(id), nil)
		if err != nil {
			return fit, 0, false
		}
		s := g.sumOf(of[id])
		fit.Noise += distance(s.p, f.Weights) / floor
		stored, half := blocks.Floor(id)
		left += blocks.Distance(id, f.Weights)
		rounding += stored
		rounding16 += half
	}
	return fit, left / max(rounding, rounding16, math.SmallestNonzeroFloat64), true
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

// Nearest is Ceiling without the error bars, and quicker.
func (b *Blocks) Nearest(id block.ID) (*Fit, error) {
	return b.mix(id, b.all(id), nil, b.sums[id].plain())
}

// Ceiling returns the closest mix of block id that all models together allow, all
// elements counting alike.
func (b *Blocks) Ceiling(id block.ID) (*Fit, error) {
	return b.fit(id, b.all(id), nil, b.sums[id].plain())
}
