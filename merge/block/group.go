package block

import "slices"

// A Group is a set of blocks that are searched together.
type Group string

// The groups of Stable Diffusion. People match the outputs first, the inputs
// next and the text encoder last, each apart, and then join the three.
const (
	Outputs Group = "outputs" // OUT00 and on
	Inputs  Group = "inputs"  // IN00 and on, and M00
	Base    Group = "base"    // BASE
)

// Groups returns the groups in the order in which they are searched. Together
// they hold each block once. The caller owns the slice.
func (l *Layout) Groups() []Group { return slices.Clone(l.groups) }

// Blocks returns all blocks of l.
func (l *Layout) Blocks() Set {
	var s Set
	for i := range l.blocks {
		s = s.With(ID(i))
	}
	return s
}

// Group returns the blocks of g, none for an unknown g.
func (l *Layout) Group(g Group) Set {
	var s Set
	for i, b := range l.blocks {
		if b.group == g {
			s = s.With(ID(i))
		}
	}
	return s
}

// GroupOf returns the group that block id is in.
func (l *Layout) GroupOf(id ID) Group { return l.blocks[id].group }

// TextEncoders returns the blocks of the text encoders, and false where one of them
// holds parts of the network as well.
func (l *Layout) TextEncoders() (Set, bool) {
	var s Set
	for i := range l.texts {
		s = s.With(ID(i))
	}
	return s, l.texts > 0
}
