package chain

import "math"

// grids are the kinds of numbers that people type as ratios, the commonest
// first: multiples of 1/per, and what one of them costs to write down, in bits.
// That is roughly the logarithm of how many of them there are from 0 to 1.
// Multiples of 0.05 are commoner than other numbers of two decimals, and those
// of 0.005 than others of three.
var grids = []struct{ per, bits float64 }{
	{1, 1},
	{10, 3.3},
	{20, 4.3},
	{100, 6.6},
	{200, 8},
	{1000, 10},
	{1e4, 13.5},
	{1e5, 17},
	{1e6, 20.5},
	{1e7, 24},
	{1e8, 27.5},
	{1e9, 31},
}

// twoDecimals is what a number of two decimals costs at most, if it is a usual
// ratio.
const twoDecimals = 6.6

// shortest returns the number from lo to hi that is cheapest to write down, of
// those the nearest to near, and its cost in bits. Where no grid has a number
// from lo to hi it is near itself.
func shortest(lo, hi, near float64) (v, bits float64) {
	near = min(max(near, lo), hi)
	for _, g := range grids {
		below, above := math.Floor(near*g.per)/g.per, math.Ceil(near*g.per)/g.per
		if near-below > above-near {
			below, above = above, below
		}
		for _, r := range [2]float64{below, above} {
			if lo <= r && r <= hi {
				return r + 0, g.bits + unusual(r) // no negative zero
			}
		}
	}
	return near, 34 + unusual(near)
}

// numberBits returns the cost of v in bits.
func numberBits(v float64) float64 {
	for _, g := range grids {
		if x := float64(v * g.per); math.Abs(x-math.Round(x)) < 1e-7 {
			return g.bits + unusual(v)
		}
	}
	return 34 + unusual(v)
}

// unusual is what a ratio outside 0 to 1 costs more, in bits: few steps have
// one. SuperMerger's slider ends at -1 and 2.
func unusual(v float64) float64 {
	switch {
	case v < -1 || v > 2:
		return 10
	case v < 0 || v > 1:
		return 6
	}
	return 0
}
