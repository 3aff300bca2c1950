package demo

import "hash/fnv"

// A stream is a sequence of random numbers, any of which can be had without
// those before it.
type stream uint64

// golden is 2^64 divided by the golden ratio, the increment of splitmix64.
const golden = 0x9e3779b97f4a7c15

// mix is the output function of splitmix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// newStream returns the stream that seed and names stand for.
func newStream(seed uint64, names ...string) stream {
	h := fnv.New64a()
	for _, n := range names {
		h.Write([]byte(n))
		h.Write([]byte{0})
	}
	return stream(mix(h.Sum64() + mix(seed+golden)))
}

// uniform returns the stream's first number in [0, 1).
func (s stream) uniform() float64 {
	return float64(mix(uint64(s)+golden)>>11) / (1 << 53)
}

// normals sets dst to the numbers of s from at on, which are about normal with
// mean 0 and variance 1: each is the sum of four uniform numbers of 16 bits.
func (s stream) normals(dst []float32, at int) {
	const (
		even = 0x0000ffff0000ffff
		mean = 2 * 0xffff
		// The variance of a uniform number of 16 bits is (2^32-1)/12.
		scale = 1 / 37837.2266
	)
	x := uint64(s) + uint64(at)*golden
	for i := range dst {
		x += golden
		y := mix(x)
		y = y&even + y>>16&even // two sums of 17 bits
		dst[i] = float32(int32(uint32(y)+uint32(y>>32))-mean) * scale
	}
}
