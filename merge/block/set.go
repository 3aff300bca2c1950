package block

import (
	"iter"
	"math/bits"
)

// MaxLen is how many blocks a layout may have.
const MaxLen = 256

// A Set is a set of blocks. The zero Set is empty, and sets may be compared
// with ==.
type Set struct{ bits [MaxLen / 64]uint64 }

// With returns s with id added.
func (s Set) With(id ID) Set {
	s.bits[id/64] |= 1 << (id % 64)
	return s
}

// Has reports whether id is in s.
func (s Set) Has(id ID) bool { return s.bits[id/64]>>(id%64)&1 == 1 }

// Union returns the blocks that are in s or in o.
func (s Set) Union(o Set) Set {
	for i, b := range o.bits {
		s.bits[i] |= b
	}
	return s
}

// Minus returns the blocks of s that are not in o.
func (s Set) Minus(o Set) Set {
	for i, b := range o.bits {
		s.bits[i] &^= b
	}
	return s
}

// Empty reports whether there is no block in s.
func (s Set) Empty() bool { return s == Set{} }

// Len returns the number of blocks in s.
func (s Set) Len() int {
	n := 0
	for _, b := range s.bits {
		n += bits.OnesCount64(b)
	}
	return n
}

// All returns the blocks of s in order.
func (s Set) All() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for i, b := range s.bits {
			for ; b != 0; b &= b - 1 {
				if !yield(ID(64*i + bits.TrailingZeros64(b))) {
					return
				}
			}
		}
	}
}
