// Package vec holds the loops that take nearly all of the run time: widening
// stored numbers to float32, narrowing them again, and inner products.
//
// Stored numbers are little-endian bytes at any alignment. Functions that take
// two slices panic if their lengths do not belong together. Nothing here keeps
// state, and equal inputs give equal bits, wherever in memory they lie.
package vec

import (
	"math"
	"unsafe"

	"gonum.org/v1/gonum/blas/blas32"
)

const badLength = "vec: lengths do not belong together"

func check(ok bool) {
	if !ok {
		panic(badLength)
	}
}

// Dot returns the inner product of x and y, which must be of one length. Each
// product is exact and the sum is taken in float64, always in the same order.
func Dot(x, y []float32) float64 {
	check(len(x) == len(y))
	return dot(x, aligned(y))
}

// Products adds to dst the inner products of all pairs i <= j of rows: <0,0>,
// <0,1>, ..., <1,1>, <1,2>, ... . For n rows dst holds n(n+1)/2 numbers. The
// rows must be of one length. Each pair is summed as [Dot] does it.
//
// What the caller subtracts beforehand decides the accuracy: models fine-tuned
// from one base are nearly parallel, so hand over the differences from it.
func Products(dst []float64, rows [][]float32) {
	n := len(rows)
	check(len(dst) == n*(n+1)/2)
	for j := range rows {
		check(len(rows[j]) == len(rows[0]))
		y := aligned(rows[j])
		// Column j of the packed triangle: <i,j> is n-i-1 places before <i+1,j>.
		k := j
		for i := range j + 1 {
			dst[k] += dot(rows[i], y)
			k += n - i - 1
		}
	}
}

// dot is the fastest portable way known: 0.23 ns a product for 9 rows on an
// x86-64 server, against 0.42 for rows widened to float64 once and multiplied
// by gonum's Gemv, 0.45 by its Syrk, 0.5 by its Dot, and 0.73 for 3x3 tiles in
// plain Go. Blocking for the cache does not pay: memory is not the bound.
func dot(x, y []float32) float64 {
	return blas32.DDot(
		blas32.Vector{N: len(x), Inc: 1, Data: x},
		blas32.Vector{N: len(y), Inc: 1, Data: y},
	)
}

// aligned returns x or a copy of it at a multiple of 16 bytes. From any other
// place DDot takes the first elements of its second operand on their own, so
// that the order of the sum, and its last bits, would depend on the address.
func aligned(x []float32) []float32 {
	if uintptr(unsafe.Pointer(unsafe.SliceData(x)))%16 == 0 {
		return x
	}
	// Heap blocks of 64 bytes and more start at multiples of 16.
	c := make([]float32, len(x), max(16, len(x)))
	copy(c, x)
	return c
}

// Axpy64 adds a*x to dst, in float64: two roundings an element, on every
// machine, never one (a fused multiply-add would differ in the last bit).
func Axpy64(dst []float64, a float64, x []float32) {
	check(len(dst) == len(x))
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] += float64(a * float64(v))
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
