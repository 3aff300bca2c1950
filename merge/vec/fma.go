package vec

import "math"

// FMA returns w*d + x, rounded once, as processors do that have an instruction
// for it.
func FMA(w, d, x float32) float32 {
	return RoundSum(float64(float64(w)*float64(d)), float64(x))
}

// RoundSum returns the float32 nearest to p + x, where p is the product of two
// float32 numbers, and so exact, and x is a float32 number.
//
// The sum s in float64 is already rounded, so rounding it again may be wrong,
// but only where it seems to lie half way between two float32 numbers. Half-way
// points are float64 numbers, and rounding keeps order: where s is none of them,
// the exact sum lies on the same side of each. Half-way points above 2^-126
// end in a one and 28 zeros; below it (and for 0, for simplicity) they may end
// otherwise, so all of those go the long way.
func RoundSum(p, x float64) float32 {
	s := float64(p + x)
	if Doubtful(s) {
		return roundSumExact(p, x)
	}
	return float32(s)
}

// Doubtful reports whether s, a sum rounded to float64, may be wrong when it is
// rounded again to float32.
func Doubtful(s float64) bool {
	b := math.Float64bits(s)
	return uint32(b)<<3 == 1<<31 || b<<1 < (1023-126)<<53
}

// roundSumExact is RoundSum for all numbers. It rounds to odd first: down to 53
// bits, with the last bit set if anything is lost. From there the second
// rounding goes right, since at least two bits are left to tell (Boldo and
// Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
func roundSumExact(p, x float64) float32 {
	s := float64(p + x)
	// What s lost, exactly (Knuth's TwoSum).
	t := float64(s - p)
	lost := float64(float64(p-float64(s-t)) + float64(x-t))
	if b := math.Float64bits(s); b&1 == 0 && (lost < 0 || lost > 0) {
		if (lost > 0) == (s > 0) {
			s = math.Float64frombits(b + 1)
		} else {
			s = math.Float64frombits(b - 1)
		}
	}
	return float32(s)
}
