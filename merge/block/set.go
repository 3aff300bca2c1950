package block

import (
	"iter"
	"math/bits"
)

// A Group is a set of blocks that are searched together.
type Group string

// The groups. People match the outputs first, the inputs next and the text
// encoder last, each apart, and then join the three.
const (
	Outputs Group = "outputs" // OUT00 and on
	Inputs  Group = "inputs"  // IN00 and on, and M00
	Base    Group = "base"    // BASE
)

// Groups returns the groups in the order in which they are searched. Together
// they hold each block of a layout once.
func Groups() []Group { return []Group{Outputs, Inputs, Base} }

// Blocks returns all blocks of l.
func (l *Layout) Blocks() Set { return 1<<len(l.names) - 1 }

// Group returns the blocks of g, none for an unknown g.
func (l *Layout) Group(g Group) Set {
	var s Set
	for id := range l.Blocks().All() {
		if l.GroupOf(id) == g {
			s = s.With(id)
		}
	}
	return s
}

// GroupOf returns the group that block id is in.
func (l *Layout) GroupOf(id ID) Group {
	switch {
	case id == base:
		return Base
	case id <= l.mid():
		return Inputs
	}
	return Outputs
}

// A Set is a set of blocks. The zero Set is empty.
type Set uint64

// With returns s with id added.
func (s Set) With(id ID) Set { return s | 1<<id }

// Has reports whether id is in s.
func (s Set) Has(id ID) bool { return s>>id&1 == 1 }

// Len returns the number of blocks in s.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// All returns the blocks of s in order.
func (s Set) All() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for ; s != 0; s &= s - 1 {
			if !yield(ID(bits.TrailingZeros64(uint64(s)))) {
				return
			}
		}
	}
}
