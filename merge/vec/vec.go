// Package vec holds the loops that take nearly all of the run time: widening
// stored numbers to float32, narrowing them again, and inner products.
//
// Stored numbers are little-endian bytes at any alignment. Functions that take
// two slices panic if their lengths do not belong together. Nothing here keeps
// state, and equal inputs give equal bits, on every processor and wherever in
// memory they lie.
package vec

import "math"

const badLength = "vec: lengths do not belong together"

func check(ok bool) {
	if !ok {
		panic(badLength)
	}
}

// Finite returns how many elements of x are not finite: infinities and NaN.
func Finite(x []float32) (bad int) {
	for len(x) > 0 {
		part := x[:min(len(x), 1<<30)] // more might not fit the counters
		n, done := infiniteFast(part)
		bad += n + finiteGo(part[done:])
		x = x[len(part):]
	}
	return bad
}

func finiteGo(x []float32) (bad int) {
	var n0, n1, n2, n3 uint32
	for len(x) >= 4 {
		n0 += infinite(x[0])
		n1 += infinite(x[1])
		n2 += infinite(x[2])
		n3 += infinite(x[3])
		x = x[4:]
	}
	bad = int(n0) + int(n1) + int(n2) + int(n3)
	for _, v := range x {
		bad += int(infinite(v))
	}
	return bad
}

// infinite is 1 if all exponent bits of v are set: adding one to the exponent
// then carries into the sign.
func infinite(v float32) uint32 {
	return (math.Float32bits(v)&(1<<31-1) + 1<<23) >> 31
}
