package vec

import "math"

// Buckets is how many buckets a count sketch has, and the most elements that are put
// into them at a time: each of those into another bucket.
const Buckets = 4096

// Sketch adds element i of x, which has [Buckets] elements or fewer, to bucket
// b = i XOR turn of sums, negated where bit i%64 of signs[i/64] is set, and its square
// to number b%8 of squares. Turn is below Buckets. The sums are taken in float64, in
// which the squares are exact.
//
// That is one stretch of a count sketch (Charikar, Chen and Farach-Colton, Finding
// frequent items in data streams, 2002). Two elements of a stretch never share a
// bucket, and two of different stretches do for one turn in Buckets, as if each had
// its bucket at random.
func Sketch(sums *[Buckets]float64, squares *[8]float64, x []float32, turn int, signs *[Buckets / 64]uint64) {
	check(len(x) <= Buckets && uint(turn) < Buckets)
	done := sketchFast(sums, squares, x, turn, signs)
	for i := done; i < len(x); i++ {
		negative := uint32(signs[i/64]>>(i%64)&1) << 31
		v := float64(math.Float32frombits(math.Float32bits(x[i]) ^ negative))
		sums[i^turn] += v
		squares[(i^turn)%8] += float64(v * v)
	}
}
