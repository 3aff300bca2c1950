package vec

import (
	"math"
	"sync"
)

// The two eight-bit formats that models are stored in. Both have subnormal
// numbers.
//
//	E4M3 (float8_e4m3fn): 4 bits of exponent, bias 7, no infinity; 0x7f and 0xff are NaN, the largest number is 448
//	E5M2 (float8_e5m2): 5 bits of exponent, bias 15, infinities and NaN as in float16, of which it is the upper half

// tables maps the bits of the numbers of both formats to their values.
var tables = sync.OnceValue(func() *[2][256]float32 {
	var t [2][256]float32
	for b := range 128 {
		v := float32(math.Ldexp(float64(b&7), -9))
		if e := b >> 3; e > 0 {
			v = float32(math.Ldexp(float64(8|b&7), e-10))
		}
		if b == 0x7f {
			v = float32(math.NaN())
		}
		t[0][b], t[0][b|0x80] = v, -v
	}
	WidenF16(t[1][:], func() []byte {
		var b [512]byte
		for i := range 256 {
			b[2*i+1] = byte(i)
		}
		return b[:]
	}())
	return &t
})

// WidenE4M3 sets dst to the E4M3 numbers in src, exactly, one byte each.
func WidenE4M3(dst []float32, src []byte) { widen8(&tables()[0], dst, src) }

// WidenE5M2 sets dst to the E5M2 numbers in src, exactly, one byte each.
func WidenE5M2(dst []float32, src []byte) { widen8(&tables()[1], dst, src) }

func widen8(t *[256]float32, dst []float32, src []byte) {
	check(len(src) == len(dst))
	for i, b := range src {
		dst[i] = t[b]
	}
}

// NarrowE4M3 stores src as E4M3 numbers, one byte each, rounded to nearest, ties
// to even; what is too large becomes NaN, as in PyTorch (c10/util/Float8_e4m3fn.h).
func NarrowE4M3(dst []byte, src []float32) {
	check(len(dst) == len(src))
	for i, v := range src {
		dst[i] = e4m3(v)
	}
}

// NarrowE5M2 stores src as E5M2 numbers, one byte each, rounded to nearest, ties
// to even; what is too large becomes infinite (c10/util/Float8_e5m2.h).
func NarrowE5M2(dst []byte, src []float32) {
	check(len(dst) == len(src))
	for i, v := range src {
		dst[i] = e5m2(v)
	}
}

func e4m3(v float32) byte {
	b := math.Float32bits(v)
	sign, b := byte(b>>24)&0x80, b&(1<<31-1)
	if b < (127-6)<<23 {
		// Below the smallest normal number, 2^-6, they are multiples of 2^-9, the
		// ulp of 2^14: this addition rounds as wanted.
		return sign | byte(math.Float32bits(math.Float32frombits(b)+1<<14)-math.Float32bits(1<<14))
	}
	return sign | byte(min((b-(127-7)<<23+0x7ffff+b>>20&1)>>20, 0x7f))
}

func e5m2(v float32) byte {
	b := math.Float32bits(v)
	sign, b := byte(b>>24)&0x80, b&(1<<31-1)
	switch {
	case b > 255<<23:
		return sign | 0x7f
	case b < (127-14)<<23: // multiples of 2^-16, the ulp of 2^7
		return sign | byte(math.Float32bits(math.Float32frombits(b)+1<<7)-math.Float32bits(1<<7))
	}
	return sign | byte(min((b-(127-15)<<23+0xfffff+b>>21&1)>>21, 0x7c))
}

// RoundE4M3 sets each element of x to what a store as E4M3 and a load make of it.
func RoundE4M3(x []float32) {
	t := &tables()[0]
	for i, v := range x {
		x[i] = t[e4m3(v)]
	}
}

// RoundE5M2 sets each element of x to what a store as E5M2 and a load make of it.
func RoundE5M2(x []float32) {
	t := &tables()[1]
	for i, v := range x {
		x[i] = t[e5m2(v)]
	}
}

// SumUlp2E4M3 returns the sum of ulp(x)² over the E4M3 numbers in src.
func SumUlp2E4M3(src []byte) float64 {
	counts := make([]int64, 17) // the last one: NaN
	for _, b := range src {
		if b &= 0x7f; b == 0x7f {
			counts[16]++
		} else {
			counts[b>>3]++
		}
	}
	return sumUlp2(counts, 3, 7)
}

// SumUlp2E5M2 returns the sum of ulp(x)² over the E5M2 numbers in src.
func SumUlp2E5M2(src []byte) float64 {
	counts := make([]int64, 32)
	for _, b := range src {
		counts[b>>2&0x1f]++
	}
	return sumUlp2(counts, 2, 15)
}
