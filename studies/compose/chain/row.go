package chain

import (
	"math"
	"slices"
)

// How far a number may lie from a ratio, in standard errors.
const (
	ownTolerance    = 2.5 // if it is printed because it is short
	sharedTolerance = 5.0 // if other blocks have it too: among hundreds of ratios some are as far off by chance
)

// An estimate is what the weights say of one ratio in one block.
type estimate struct {
	value float64
	se    float64 // standard error of value; +Inf if any number will do
}

func (e estimate) allows(v, tolerance float64) bool {
	return math.IsInf(e.se, 1) || math.Abs(v-e.value) <= tolerance*e.se
}

// misfit returns the bits that a number so many standard errors away from the
// estimate loses: the negative logarithm of its likelihood.
func (e estimate) misfit(v float64) float64 {
	if math.IsInf(e.se, 1) {
		return 0
	}
	d := (v - e.value) / e.se
	return d * d / 2 * math.Log2E
}

// tolerances are those that are tried for a number. A wider one needs a number
// that is shorter by more than it fits worse: of some hundred ratios one or two
// are more than ownTolerance off by chance.
var tolerances = [...]float64{ownTolerance, 3, 3.5, 4, sharedTolerance}

// shortest returns the number that the block would have if it were alone, and
// its cost in bits.
func (e estimate) shortest() (v, bits float64) {
	least := math.Inf(1)
	for _, tolerance := range tolerances {
		x, b := shortest(e.value-float64(tolerance*e.se), e.value+float64(tolerance*e.se), e.value)
		sum := b
		if tolerance > ownTolerance {
			sum += e.misfit(x)
		}
		if sum < least {
			v, bits, least = x, b, sum
		}
		if b <= twoDecimals {
			break
		}
	}
	return v, bits
}

// A typedRow is a row as a person would have typed it: one number a block.
type typedRow struct {
	numbers []float64
	bits    float64 // the length of its description
}

// constant reports whether the row is one number.
func (r typedRow) constant() bool {
	for _, v := range r.numbers {
		if v != r.numbers[0] {
			return false
		}
	}
	return true
}

// typeRow chooses the numbers of a row, within the tolerances, so that the row
// is as short as can be found. kinds is the kind of network part of each block;
// see [rowBits].
func typeRow(estimates []estimate, kinds []uint8) typedRow {
	row, total := typedRow{}, math.Inf(1)
	try := func(numbers []float64) {
		bits := rowBits(numbers, kinds)
		if sum := bits + totalMisfit(estimates, numbers); sum < total {
			row, total = typedRow{numbers, bits}, sum
		}
	}
	// One number may be far off in a few blocks: its being so much shorter makes
	// up for that.
	for _, tolerance := range tolerances {
		if v, ok := oneNumber(estimates, tolerance); ok {
			try(slices.Repeat([]float64{v}, len(estimates)))
			if tolerance == ownTolerance && numberBits(v) <= twoDecimals {
				return row
			}
		}
	}
	palette := paletteOf(estimates)
	numbers := assign(estimates, kinds, palette)
	shorten(estimates, numbers)
	try(numbers)
	// Some number may be needed no more, when others stand in for it.
	for i := len(palette) - 1; i > 1 && len(palette) <= mostNumbers; i-- {
		without := slices.Delete(slices.Clone(palette), i, i+1)
		numbers := assign(estimates, kinds, without)
		if numbers == nil {
			continue
		}
		shorten(estimates, numbers)
		before := total
		if try(numbers); total < before {
			palette = without
		}
	}
	return row
}

func totalMisfit(estimates []estimate, numbers []float64) float64 {
	sum := 0.0
	for b, e := range estimates {
		sum += e.misfit(numbers[b])
	}
	return sum
}

// oneNumber returns the shortest number that all blocks allow.
func oneNumber(estimates []estimate, tolerance float64) (v float64, ok bool) {
	lo, hi, sum, weight := math.Inf(-1), math.Inf(1), 0.0, 0.0
	for _, e := range estimates {
		if math.IsInf(e.se, 1) {
			continue
		}
		lo, hi = max(lo, e.value-float64(tolerance*e.se)), min(hi, e.value+float64(tolerance*e.se))
		if lo > hi {
			return 0, false
		}
		w := 1 / (e.se * e.se)
		sum, weight = sum+float64(w*e.value), weight+w
	}
	if weight == 0 {
		return 0, true
	}
	v, _ = shortest(lo, hi, sum/weight)
	return v, true
}

// paletteOf returns numbers, 0 and 1 first, of which each block allows one at
// least. It takes, again and again, the number that saves most: one that many
// blocks can share before one that a single block needs.
func paletteOf(estimates []estimate) []float64 {
	palette := []float64{0, 1}
	type block struct {
		estimate
		own, bits float64 // the shortest number for this block alone, and its cost
	}
	var left []block
	for _, e := range estimates {
		own, bits := e.shortest()
		if slices.ContainsFunc(palette[:2], func(v float64) bool { return e.allows(v, sharedTolerance) && e.misfit(v) < bits }) {
			continue
		}
		left = append(left, block{e, own, bits})
	}
	const again = 1.5 // bits of a number that the row has already
	for len(left) > 0 {
		best, most, served := -1, math.Inf(-1), 0
		for i, c := range left {
			if i > 0 && slices.ContainsFunc(left[:i], func(x block) bool { return x.own == c.own }) {
				continue
			}
			saved, n := -c.bits, 0
			for _, x := range left {
				if x.allows(c.own, sharedTolerance) {
					saved += max(x.bits-again-x.misfit(c.own), 0)
					n++
				}
			}
			if saved > most {
				best, most, served = i, saved, n
			}
		}
		if served == 1 { // nothing to share any more
			for _, x := range left {
				if !slices.Contains(palette, x.own) {
					palette = append(palette, x.own)
				}
			}
			return palette
		}
		v := left[best].own
		if !slices.Contains(palette, v) {
			palette = append(palette, v)
		}
		left = slices.DeleteFunc(left, func(x block) bool {
			return x.own == v || x.allows(v, sharedTolerance) && x.misfit(v) < x.bits
		})
	}
	return palette
}

// assign gives each block a number of the palette: those that together have the
// least misfit and change least often from block to block. It returns nil if
// some block allows none.
func assign(estimates []estimate, kinds []uint8, palette []float64) []float64 {
	n, k := len(estimates), len(palette)
	cost := make([]float64, k)
	next := make([]float64, k)
	from := make([]int, n*k)
	for b, e := range estimates {
		change := changeWithin
		if b > 0 && kinds[b] != kinds[b-1] {
			change = changeBetween
		}
		cheapest := 0
		for j := range cost {
			if cost[j] < cost[cheapest] {
				cheapest = j
			}
		}
		for j, v := range palette {
			prev, c := j, cost[j]
			if b > 0 && cost[cheapest]+change < c {
				prev, c = cheapest, cost[cheapest]+change
			}
			from[b*k+j], next[j] = prev, c+far
			if e.allows(v, sharedTolerance) {
				next[j] = c + e.misfit(v)
			}
		}
		cost, next = next, cost
	}
	last := 0
	for j := range cost {
		if cost[j] < cost[last] {
			last = j
		}
	}
	if cost[last] >= far {
		return nil
	}
	numbers := make([]float64, n)
	for b := n - 1; b >= 0; b-- {
		numbers[b] = palette[last]
		last = from[b*k+last]
	}
	return numbers
}

// mostNumbers is how many different numbers people type in a row.
const mostNumbers = 10

const far = 1e6 // bits, for a number that a block does not allow

// shorten makes each number shorter as far as all blocks that have it allow.
func shorten(estimates []estimate, numbers []float64) {
	for again := true; again; {
		again = false
		for b, v := range numbers {
			if slices.Contains(numbers[:b], v) {
				continue
			}
			var some []estimate
			for i, x := range numbers {
				if x == v {
					some = append(some, estimates[i])
				}
			}
			short, least := v, numberBits(v)
			for k, tolerance := range tolerances {
				r, ok := oneNumber(some, tolerance)
				if !ok {
					continue
				}
				sum := numberBits(r)
				if k > 0 {
					for _, e := range some {
						sum += e.misfit(r) - e.misfit(v)
					}
				}
				if sum < least-1e-9 && numberBits(r) < numberBits(v) {
					short, least = r, sum
				}
			}
			if short == v {
				continue
			}
			for i, x := range numbers {
				if x == v {
					numbers[i] = short
				}
			}
			again = true
		}
	}
}
