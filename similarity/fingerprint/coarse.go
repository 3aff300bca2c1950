package fingerprint

import "mixmatch/merge/block"

// CoarseLen is how many numbers a coarse fingerprint has.
const CoarseLen = 256

// A Coarse is a fingerprint of the network as a whole, brought down further: linear as
// well, and enough to tell which of many models are worth a look.
type Coarse [CoarseLen]float32

// Coarse returns number k as the sum of the buckets k, k+256, k+512 .. of all sections
// of the network, in float64 and in the order of sections and buckets.
func (f *Fingerprint) Coarse() *Coarse {
	var sums [CoarseLen]float64
	for _, s := range f.Sections {
		if s.Part != block.UNet {
			continue
		}
		for b, v := range s.Sums {
			sums[b%CoarseLen] += float64(v)
		}
	}
	var c Coarse
	for k, v := range sums {
		c[k] = float32(v)
	}
	return &c
}
