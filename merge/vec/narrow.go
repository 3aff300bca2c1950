package vec

import (
	"encoding/binary"
	"math"
)

// NarrowF16 stores src as float16 numbers, rounded to nearest, ties to even;
// what is too large becomes infinite, and NaN stays NaN.
// dst holds 2 bytes for each element of src.
func NarrowF16(dst []byte, src []float32) {
	check(len(dst) == 2*len(src))
	done := narrowF16Fast(dst, src)
	narrowF16Go(dst[2*done:], src[done:])
}

func narrowF16Go(dst []byte, src []float32) {
	for len(src) >= 4 && len(dst) >= 8 {
		a, b, c, d := math.Float32bits(src[0]), math.Float32bits(src[1]), math.Float32bits(src[2]), math.Float32bits(src[3])
		var v uint64
		if isHalf(a) && isHalf(b) && isHalf(c) && isHalf(d) {
			v = uint64(toHalf(a)) | uint64(toHalf(b))<<16 | uint64(toHalf(c))<<32 | uint64(toHalf(d))<<48
		} else {
			v = uint64(halfBits(a)) | uint64(halfBits(b))<<16 | uint64(halfBits(c))<<32 | uint64(halfBits(d))<<48
		}
		binary.LittleEndian.PutUint64(dst, v)
		src, dst = src[4:], dst[8:]
	}
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(halfBits(math.Float32bits(v))))
	}
}

// halfBits returns the bits of the float16 nearest to the float32 whose bits
// are b.
func halfBits(b uint32) uint32 {
	if isHalf(b) {
		return toHalf(b)
	}
	const inf = 255 << 23
	sign, b := b>>16&0x8000, b&(1<<31-1)
	switch {
	case b > inf: // keep what fits of the payload, and stay NaN
		return sign | 0x7e00 | b>>13&0x3ff
	case b >= 143<<23:
		return sign | 0x7c00
	}
	// Subnormal or zero: the ulp of 0.5 is 2^-24, that of such a float16, so
	// this addition rounds as wanted.
	const shift = 126 << 23 // the bits of 0.5
	return sign | math.Float32bits(math.Float32frombits(b)+0.5) - shift
}

// isHalf reports whether |x| is at least the smallest normal float16, 2^-14,
// and below 2^16; b is the bits of x.
func isHalf(b uint32) bool { return b&(1<<31-1)-113<<23 < (143-113)<<23 }

// toHalf is halfBits for the numbers that isHalf lets through: it moves the
// exponent and adds just under half a unit, or half where the last bit kept is
// odd. The carry may run into the exponent, up to infinity, as it should.
func toHalf(b uint32) uint32 {
	return b>>16&0x8000 | (b&(1<<31-1)-(127-15)<<23+0xfff+b>>13&1)>>13
}

// NarrowBF16 stores src as bfloat16 numbers, rounded to nearest, ties to even;
// what is too large becomes infinite, and NaN stays NaN.
// dst holds 2 bytes for each element of src.
func NarrowBF16(dst []byte, src []float32) {
	check(len(dst) == 2*len(src))
	done := narrowBF16Fast(dst, src)
	narrowBF16Go(dst[2*done:], src[done:])
}

func narrowBF16Go(dst []byte, src []float32) {
	for len(src) >= 4 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, uint64(brainBits(src[0]))|
			uint64(brainBits(src[1]))<<16|
			uint64(brainBits(src[2]))<<32|
			uint64(brainBits(src[3]))<<48)
		src, dst = src[4:], dst[8:]
	}
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(brainBits(v)))
	}
}

// brainBits returns the bits of the bfloat16 nearest to v.
func brainBits(v float32) uint32 {
	b := math.Float32bits(v)
	if b&(1<<31-1) > 255<<23 { // NaN: rounding might carry into infinity
		return b>>16 | 0x40
	}
	return (b + 0x7fff + b>>16&1) >> 16
}

// NarrowF32 stores src as float32 numbers.
// dst holds 4 bytes for each element of src.
func NarrowF32(dst []byte, src []float32) {
	check(len(dst) == 4*len(src))
	done := narrowF32Fast(dst, src)
	narrowF32Go(dst[4*done:], src[done:])
}

func narrowF32Go(dst []byte, src []float32) {
	for len(src) >= 2 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, uint64(math.Float32bits(src[0]))|uint64(math.Float32bits(src[1]))<<32)
		src, dst = src[2:], dst[8:]
	}
	for i, v := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
}

// NarrowF64 stores src as float64 numbers, exactly.
// dst holds 8 bytes for each element of src.
func NarrowF64(dst []byte, src []float32) {
	check(len(dst) == 8*len(src))
	for len(src) >= 1 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, math.Float64bits(float64(src[0])))
		src, dst = src[1:], dst[8:]
	}
}
