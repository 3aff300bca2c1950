package recovery

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"mixmatch/merge/block"
)

// A tensor is one key of all models, and about what its numbers are like in a
// trained network.
type tensor struct {
	block.Spec
	block     block.ID
	mean, dev float32
}

// kept is how many elements a matrix may have to be left at its real size. That
// keeps the first and the last convolution, whose 4 channels cannot shrink: else
// IN00 would be too small to say anything.
const kept = 1 << 14

// tensors returns the UNet and the text encoder of Stable Diffusion 1.x with
// width in place of 320. Other widths follow by the square root of their size,
// 1280 becoming twice width: with a plain divisor most numbers would lie in a few
// deep blocks while the outer ones held too few for statistics. At 48 no block
// has fewer than 11,000 numbers, all but IN00 have more than 20,000, and a model
// has about 7 million.
func tensors(l *block.Layout, width int) []tensor {
	var all []tensor
	for _, s := range block.Keys(block.SD1) {
		id, ok := l.Of(s.Name)
		if !ok || s.Integer || block.PartOf(s.Name) == block.VAE {
			continue
		}
		if len(s.Shape) < 2 || s.Len() > kept {
			for i, d := range s.Shape {
				if d >= 64 {
					s.Shape[i] = int(math.Round(float64(width) * math.Sqrt(float64(d)/320)))
				}
			}
		}
		t := tensor{Spec: s, block: id}
		t.mean, t.dev = values(s)
		all = append(all, t)
	}
	return all
}

// values returns the mean and standard deviation of a tensor of the base.
func values(s block.Spec) (mean, dev float32) {
	switch {
	case strings.HasSuffix(s.Name, "bias"):
		return 0, 0.02
	case len(s.Shape) < 2: // the weight of a norm
		return 1, 0.1
	case strings.Contains(s.Name, "embeddings."):
		return 0, 0.02
	}
	return 0, float32(1 / math.Sqrt(float64(s.Len()/s.Shape[0])))
}

// inEncoder reports whether t is of the text encoder.
func (t *tensor) inEncoder() bool { return block.PartOf(t.Name) == block.TextEncoder }

// inLoRA reports whether t is a matrix that LoRAs are trained on as a rule:
// those of attention and feed-forward in the UNet.
func (t *tensor) inLoRA() bool {
	return len(t.Shape) > 1 && !t.inEncoder() && strings.Contains(t.Name, "transformer_blocks")
}

// source returns the random numbers that seed and names stand for.
func source(seed uint64, names ...string) *rand.Rand {
	h := fnv.New64a()
	for _, n := range names {
		h.Write([]byte(n))
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// normals returns n numbers that are about normal, times dev: each is the sum of
// four uniform numbers of 16 bits.
func normals(r *rand.Rand, n int, dev float32) []float32 {
	const (
		even = 0x0000ffff0000ffff
		mean = 2 * 0xffff
		// The variance of a uniform number of 16 bits is (2^32-1)/12.
		scale = 1 / 37837.2266
	)
	x := make([]float32, n)
	p := rand.NewPCG(r.Uint64(), r.Uint64())
	dev *= scale
	for i := range x {
		y := p.Uint64()
		y = y&even + y>>16&even // two sums of 17 bits
		x[i] = dev * float32(int32(uint32(y)+uint32(y>>32))-mean)
	}
	return x
}

// add adds a times y to x.
func add(x []float32, a float32, y []float32) {
	y = y[:len(x)]
	for i, v := range y {
		x[i] += float32(a * v)
	}
}

// lowRank returns a product of two random matrices of the rank given, its root
// mean square being dev, in the shape of t. A matrix too narrow for the rank gets
// half its width, so that it stays of low rank.
func lowRank(r *rand.Rand, t *tensor, rank int, dev float32) []float32 {
	rows := t.Shape[0]
	cols := t.Len() / rows
	rank = min(rank, (min(rows, cols)+1)/2)
	up, down := normals(r, rows*rank, 1), normals(r, rank*cols, 1)
	x := make([]float32, rows*cols)
	scale := dev / float32(math.Sqrt(float64(rank)))
	for i := range rows {
		for k := range rank {
			add(x[i*cols:][:cols], scale*up[i*rank+k], down[k*cols:][:cols])
		}
	}
	return x
}
