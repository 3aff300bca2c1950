package vec

import (
	"encoding/binary"
	"math"
)

// A number rounded to nearest is off by up to half an ulp, the distance
// between neighbouring representable numbers, and by ulp²/12 in the mean of
// squares. So a twelfth of the sums below is the noise that a model carries
// for being stored in that format: no recipe can come closer.
//
// The ulp of x is that between |x| and the next larger number; zero has that
// of the smallest subnormal number. Infinities and NaN count nothing.

// SumUlp2F16 returns the sum of ulp(x)² over the float16 numbers in src.
// A trailing odd byte panics.
func SumUlp2F16(src []byte) float64 {
	check(len(src)%2 == 0)
	const block = 2 << 20 // of which both sums below are exact, in whatever order
	sum := 0.0
	for ; len(src) > block; src = src[block:] {
		sum += sumUlp2Half(src[:block])
	}
	return sum + sumUlp2Half(src)
}

// sumUlp2Half takes the numbers from 2 on apart: so neither sum has more bits than
// float64 has.
func sumUlp2Half(src []byte) float64 {
	const middle = 16 // the exponent of 2
	sum, rest := ulpF16Fast(src)
	counts := exponents16(rest, 10, 0x1f)
	low := append(counts[:middle:middle], 0) // the last one does not count
	high := append(make([]int64, middle), counts[middle:]...)
	return sum + sumUlp2(low, 10, 15) + sumUlp2(high, 10, 15)
}

// SumUlp2BF16 returns the sum of ulp(x)² over the bfloat16 numbers in src,
// whose length must be a multiple of 2.
func SumUlp2BF16(src []byte) float64 {
	check(len(src)%2 == 0)
	return sumUlp2(exponents16(src, 7, 0xff), 7, 127)
}

// SumUlp2F32 returns the sum of ulp(x)² over the float32 numbers in src, whose
// length must be a multiple of 4.
func SumUlp2F32(src []byte) float64 {
	check(len(src)%4 == 0)
	counts := make([]int64, 256)
	for ; len(src) >= 4; src = src[4:] {
		counts[uint8(binary.LittleEndian.Uint32(src)>>23)]++
	}
	return sumUlp2(counts, 23, 127)
}

// SumUlp2F64 returns the sum of ulp(x)² over the float64 numbers in src, whose
// length must be a multiple of 8. (Squares below 5e-324 vanish.)
func SumUlp2F64(src []byte) float64 {
	check(len(src)%8 == 0)
	counts := make([]int64, 2048)
	for ; len(src) >= 8; src = src[8:] {
		counts[binary.LittleEndian.Uint64(src)>>52&0x7ff]++
	}
	return sumUlp2(counts, 52, 1023)
}

// exponents16 counts how often each exponent occurs in 16-bit numbers. Weights
// have few exponents, so neighbours would wait for each other's counter: four
// sets of counters let them run side by side.
func exponents16(src []byte, fraction uint, mask uint64) []int64 {
	var counts [4][256]int64
	for ; len(src) >= 8; src = src[8:] {
		v := binary.LittleEndian.Uint64(src) >> fraction
		counts[0][uint8(v&mask)]++
		counts[1][uint8(v>>16&mask)]++
		counts[2][uint8(v>>32&mask)]++
		counts[3][uint8(v>>48&mask)]++
	}
	for ; len(src) >= 2; src = src[2:] {
		counts[0][uint8(uint64(binary.LittleEndian.Uint16(src))>>fraction&mask)]++
	}
	sum := make([]int64, mask+1)
	for e := range sum {
		sum[e] = counts[0][e] + counts[1][e] + counts[2][e] + counts[3][e]
	}
	return sum
}

// sumUlp2 adds up the squares, given how often each stored exponent occurs. The
// counts are exact, so the sum does not depend on the order of the numbers.
func sumUlp2(counts []int64, fraction, bias int) float64 {
	var sum float64
	for e, n := range counts[:len(counts)-1] { // the last one: Inf and NaN
		if n > 0 {
			sum += math.Ldexp(float64(n), 2*(max(e, 1)-bias-fraction))
		}
	}
	return sum
}
