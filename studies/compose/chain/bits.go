package chain

import (
	"math"
	"slices"

	"mixmatch/merge/portable"
)

// What it costs that a row changes from one block to the next, in bits, within a
// part of the network and from one part to another.
const (
	changeWithin  = 3.0
	changeBetween = 1.0
)

// rowBits returns the length of a row's description in bits.
//
// A row of one number costs that number. Any other says which different numbers
// it has, and then where they stand: either by the blocks where it changes,
// which is short for ranges of blocks, or block by block, which is short for a
// few numbers that take turns. Changes between parts of the network (text
// encoder, inputs, middle, outputs; kinds says which part each block is of) are
// cheaper than those within.
func rowBits(numbers []float64, kinds []uint8) float64 {
	different := make([]float64, 0, 8)
	bits := 1.0
	changes, places := 0, 0.0
	for b, v := range numbers {
		if !slices.Contains(different, v) {
			different = append(different, v)
			bits += numberBits(v)
		}
		switch {
		case b == 0 || v == numbers[b-1]:
		case kinds[b] != kinds[b-1]:
			changes++
			places += changeBetween
		default:
			changes++
			places += changeWithin
		}
	}
	if len(different) == 1 {
		if v := different[0]; v == math.Trunc(v) {
			bits += wholeBits
		}
		return bits
	}
	choice := portable.Log2(float64(len(different)))
	runs := 1 + places + float64(float64(changes)*max(portable.Log2(float64(len(different)-1)), 0))
	return bits + 1 + portable.Log2(float64(len(numbers))) + min(runs, float64(len(numbers))*choice)
}

// What a step costs besides its rows and the names of its models, in bits: a
// line, and its mode. Few people use triple sums, so one has to save some digits
// to take the place of two weight sums. A sum Twice has the digits of two weight
// sums and is never shorter, being rarer still.
const (
	stepBits   = 3.0
	tripleBits = 7.0 // more than stepBits: a rare mode, a second operand
)

// What else a chain can cost, in bits.
const (
	otherBits   = 2.0 // an add difference that subtracts another model than the base, or the base as first model
	wholeBits   = 5.0 // a row that is 1 in all blocks: to add the whole of a difference is rare
	againBits   = 4.0 // a model that is in the chain already
	joinBits    = 6.0 // the step that joins two chains, whose row is 1 in the blocks of one
	notKeptBits = 8.0 // another first model than the one whose unmerged tensors the target has
)
