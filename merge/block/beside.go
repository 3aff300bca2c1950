package block

import "slices"

// A beside says which variants of an architecture can be merged with others, and
// what they share.
type beside struct {
	// Takes reports whether a merge whose model A is of variant a takes in a model
	// of variant b.
	takes func(a, b string) bool

	// Shared returns the shape of what all that can be merged with others have of
	// a tensor; false if that is nothing.
	shared func(key string, shape []int) ([]int, bool)
}

// Takes reports whether a merge whose model A is of kind m takes in models of kind
// o, as SuperMerger does: models of one kind, and an inpainting model, for one,
// takes in usual ones (mergers.py:491). The other way round it does not.
func (m Model) Takes(o Model) bool {
	if m == o {
		return true
	}
	a, ok := find(m.Arch)
	return ok && m.Arch == o.Arch && a.beside != nil && a.beside.takes(m.Variant, o.Variant)
}

// Shared returns the shape of what models of kind m have in common with the others
// that can be merged with them, of a tensor that has the shape given; false if that
// is nothing. The shapes differ in the second dimension at most, of which it is the
// first.
func (m Model) Shared(key string, shape []int) ([]int, bool) {
	a, ok := find(m.Arch)
	if !ok || a.beside == nil {
		return shape, true
	}
	return a.beside.shared(key, shape)
}

// unetBeside lets inpainting models, and those that edit images, take in usual
// ones: their first convolution has more channels behind the usual four.
var unetBeside = &beside{
	takes: func(a, b string) bool { return (a == "inpainting" || a == "pix2pix") && b == "" },
	shared: func(key string, shape []int) ([]int, bool) {
		if key == convIn && len(shape) == 4 && shape[1] > latent {
			shape = slices.Clone(shape)
			shape[1] = latent
		}
		return shape, true
	},
}
