// Package torchrand draws the random numbers that PyTorch draws on a CPU, bit
// for bit: torch.manual_seed, torch.randn, and the default initialisation of
// torch.nn.Linear.
//
// Published similarities of models depend on these numbers: the calculators
// feed models a random input that they draw after seeding the generator, and
// creating a layer on the way consumes numbers from the same stream.
//
// What is reproduced is the float32 code path of x86-64 builds on a processor
// with AVX2: MT19937, 24 bits a uniform number, and from 16 numbers on a
// Box-Muller transform with the polynomials of Cephes, in which the compiler
// has fused multiplications and additions (unfused, the last bits differ). The
// values were checked against torch 1.13.1 (see testdata).
package torchrand

import "math"

// A Generator is torch's CPU generator. It is not for concurrent use.
type Generator struct {
	state  [words]uint32
	next   int // place in state of the next word
	spare  float64
	spared bool // the other normal number of a pair drawn one at a time is kept
}

// The parameters of MT19937 (Matsumoto and Nishimura, ACM TOMACS 8, 1998).
const (
	words = 624
	shift = 397
)

// New returns the generator after torch.manual_seed(seed). As in torch, only
// the low 32 bits matter.
func New(seed uint64) *Generator {
	g := &Generator{next: words}
	x := uint32(seed)
	for i := range g.state {
		g.state[i] = x
		x = 1812433253*(x^x>>30) + uint32(i) + 1
	}
	return g
}

// Uint32 returns the next word of the stream.
func (g *Generator) Uint32() uint32 {
	if g.next == words {
		g.refill()
	}
	g.next++
	return temper(g.state[g.next-1])
}

// temper makes a number of a word of the state.
func temper(x uint32) uint32 {
	x ^= x >> 11
	x ^= x << 7 & 0x9d2c5680
	x ^= x << 15 & 0xefc60000
	return x ^ x>>18
}

func (g *Generator) refill() {
	s := g.state[:]
	twist(s, s[shift:])
	twist(s[words-shift:], s[:shift-1])
	last := []uint32{s[words-1], s[0]} // the one after the last is the first
	twistGo(last, s[shift-1:shift])
	s[words-1] = last[0]
	g.next = 0
}

// twistGo makes new words of the state, one for each of far, in place. State has
// one word more.
func twistGo(state, far []uint32) {
	for i, f := range far {
		a, b := state[i], state[i+1]
		state[i] = f ^ (a&(1<<31)|b&(1<<31-1))>>1 ^ -(b&1)&0x9908b0df
	}
}

// Skip drops n words of the stream: what initialising n weights consumes.
func (g *Generator) Skip(n int) {
	for n > 0 {
		if g.next == words {
			g.refill()
		}
		k := min(n, words-g.next)
		g.next += k
		n -= k
	}
}

// Linear sets dst to the weight that torch.nn.Linear(in, len(dst)/in, bias=False)
// begins with: kaiming_uniform with a = sqrt(5), which is uniform within
// 1/sqrt(in) (torch/nn/modules/linear.py, reset_parameters).
func (g *Generator) Linear(dst []float32, in int) {
	// The bound's roundings are those of torch/nn/init.py.
	gain := math.Sqrt(2.0 / (1 + float64(math.Sqrt(5)*math.Sqrt(5))))
	std := gain / math.Sqrt(float64(in))
	bound := math.Sqrt(3) * std
	from, to := float32(-bound), float32(bound)
	for i := range dst {
		dst[i] = float32(float64(float64(g.uniform())*float64(to-from)) + float64(from))
	}
}

// uniform returns a number of [0, 1) with 24 random bits.
func (g *Generator) uniform() float32 { return unit(g.Uint32()) }

func unit(x uint32) float32 { return float32(x&(1<<24-1)) / (1 << 24) }

// double returns a number of [0, 1) with 53 random bits.
func (g *Generator) double() float64 {
	hi, lo := uint64(g.Uint32()), uint64(g.Uint32())
	return float64((hi<<32|lo)&(1<<53-1)) / (1 << 53)
}
