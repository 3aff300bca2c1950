package recipe

import (
	"math/big"

	"mixmatch/merge/block"
)

// Flatten returns the exact weight of each source and LoRA in block id, without
// those whose weight is 0. Every ratio counts as the decimal number it is written
// as, and the weights of the sources sum to 1; those of LoRAs stand outside that sum.
// For a hole it takes the stand-in value. It returns nil if a ratio is not finite, or
// the recipe has no steps or is not [Recipe.Linear].
func (r *Recipe) Flatten(id block.ID) map[string]*big.Rat {
	if len(r.Steps) == 0 || !r.Linear() {
		return nil
	}
	p := r.Program()
	w := p.exact(r.Column(id))
	if w == nil {
		return nil
	}
	flat := make(map[string]*big.Rat, len(w))
	for i, n := range p.Names() {
		if w[i] != nil && w[i].Sign() != 0 {
			flat[n] = w[i]
		}
	}
	return flat
}
