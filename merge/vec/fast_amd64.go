//go:build !purego

package vec

import "golang.org/x/sys/cpu"

// The functions of this file do what they can of their work eight numbers at a
// time, and return how many they have done: the twins in plain Go do the rest.
// Both give equal bits, but for the sign of a greatest zero.

var fast = cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C

//go:noescape
func widenF16AVX2(dst *float32, src *byte, eights int)

//go:noescape
func infiniteAVX2(x *float32, eights int) int

//go:noescape
func transposeAVX2(dst *float32, dstStride int, src *float32, srcStride, eights int)

//go:noescape
func maxAVX2(x *float32, eights int) float32

//go:noescape
func atLeastAVX2(mask *byte, x *float32, eights int, limit float32)

//go:noescape
func dotAVX2(sums *[4]float64, x, y *float32, eights int)

//go:noescape
func axpyAVX2(dst, x *float32, eights int, a float32)

func widenF16Fast(dst []float32, src []byte) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	widenF16AVX2(&dst[0], &src[0], len(dst)/8)
	return len(dst) &^ 7
}

func infiniteFast(x []float32) (bad, done int) {
	if !fast || len(x) < 8 {
		return 0, 0
	}
	return infiniteAVX2(&x[0], len(x)/8), len(x) &^ 7
}

func transposeFast(dst []float32, dstStride int, src []float32, srcStride, n int) int {
	if !fast || n < 8 {
		return 0
	}
	transposeAVX2(&dst[0], dstStride, &src[0], srcStride, n/8)
	return n &^ 7
}

func maxFast(x []float32) (highest float32, done int) {
	if !fast || len(x) < 8 {
		return x[0], 0
	}
	return maxAVX2(&x[0], len(x)/8), len(x) &^ 7
}

func atLeastFast(mask []byte, x []float32, limit float32) int {
	if !fast || len(x) < 8 {
		return 0
	}
	atLeastAVX2(&mask[0], &x[0], len(x)/8, limit)
	return len(x) &^ 7
}

func dotFast(sums *[4]float64, x, y []float32) int {
	if !fast || len(x) < 8 {
		return 0
	}
	dotAVX2(sums, &x[0], &y[0], len(x)/8)
	return len(x) &^ 7
}

func axpyFast(dst []float32, a float32, x []float32) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	axpyAVX2(&dst[0], &x[0], len(dst)/8, a)
	return len(dst) &^ 7
}

//go:noescape
func ulpF16AVX2(src *byte, sixteens int) (sum uint64, done int)

// ulpF16Fast returns the sum of ulp² over numbers below 2, and the others, with some
// that it did not come to.
func ulpF16Fast(src []byte) (sum float64, rest []byte) {
	if !fast {
		return 0, src
	}
	var total uint64
	for len(src) >= 32 {
		some, done := ulpF16AVX2(&src[0], len(src)/32)
		total += some
		src = src[32*done:]
		if len(src) >= 32 { // the next sixteen stopped it
			rest = append(rest, src[:32]...)
			src = src[32:]
		}
	}
	return float64(total) * 0x1p-48, append(rest, src...)
}
