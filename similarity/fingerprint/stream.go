package fingerprint

import (
	"mixmatch/merge/vec"
)

// word returns number n, from 0, of the random numbers of a seed: those of SplitMix64
// (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014) begun
// with it.
func word(seed, n uint64) uint64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// wordsAStretch is how many random numbers a stretch of elements takes: its turn, and
// its signs.
const wordsAStretch = 1 + Buckets/64

// add adds elements of the tensor of a seed to sums, and their squares to squares:
// those of stretch number g, or fewer at the tensor's end.
func add(sums *[Buckets]float64, squares *[8]float64, seed, g uint64, x []float32) {
	var signs [Buckets / 64]uint64
	at := g * wordsAStretch
	turn := int(word(seed, at) >> 52)
	for i := range signs[:(len(x)+63)/64] {
		signs[i] = word(seed, at+1+uint64(i))
	}
	vec.Sketch(sums, squares, x, turn, &signs)
}
