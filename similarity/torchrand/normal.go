package torchrand

import (
	"math"

	"mixmatch/merge/portable"
	"mixmatch/merge/vec"
)

// vector is how many numbers torch transforms at a time; with fewer it draws
// them one by one, in another way.
const vector = 16

// Normal sets dst to torch.randn(len(dst)). (The shape does not matter: torch
// fills a tensor in memory order.)
func (g *Generator) Normal(dst []float32) {
	if len(dst) < vector {
		for i := range dst {
			dst[i] = float32(g.normal())
		}
		return
	}
	rest := dst
	for len(rest) >= vector {
		if g.next == words {
			g.refill()
		}
		whole := min(len(rest), words-g.next) &^ (vector - 1)
		if whole == 0 { // sixteen that are not side by side
			g.vector(rest)
			whole = vector
		} else {
			normals(rest[:whole], g.state[g.next:])
			g.next += whole
		}
		rest = rest[whole:]
	}
	g.Skip(len(rest))
	if len(rest) > 0 {
		// The last sixteen are drawn anew, those transformed already included
		// (ATen/native/cpu/DistributionTemplates.h, normal_fill).
		g.vector(dst[len(dst)-vector:])
	}
}

// vector sets the first sixteen of dst.
func (g *Generator) vector(dst []float32) {
	x := (*[vector]float32)(dst)
	for i := range x {
		x[i] = g.uniform()
	}
	boxMuller(x)
}

// normalsGo sets dst, so many times sixteen numbers, from as many words of a
// generator's state.
func normalsGo(dst []float32, state []uint32) {
	for len(dst) > 0 {
		x := (*[vector]float32)(dst)
		for i := range x {
			x[i] = unit(temper(state[i]))
		}
		boxMuller(x)
		dst, state = dst[vector:], state[vector:]
	}
}

// normal returns one number, in float64 as torch does for few of them, and
// keeps the other of the pair for the next call.
func (g *Generator) normal() float64 {
	if g.spared {
		g.spared = false
		return g.spare
	}
	u1, u2 := g.double(), g.double()
	r := math.Sqrt(-2 * portable.Log(1-u2))
	sin, cos := portable.Sincos(2 * math.Pi * u1)
	g.spare, g.spared = r*sin, true
	return r * cos
}

// boxMuller turns sixteen uniform numbers into normal ones: number i and number
// i+8 make a pair.
func boxMuller(x *[vector]float32) {
	const half = vector / 2
	for i := range half {
		radius := float32(math.Sqrt(float64(-2 * logf(1-x[i]))))
		sin, cos := sincosf(2 * math.Pi * x[i+half])
		// The zero is the mean: it makes -0 into 0.
		x[i] = float32(radius*cos) + 0
		x[i+half] = float32(radius*sin) + 0
	}
}

// logf is the natural logarithm of Cephes (logf.c) for positive normal x, with
// multiplications and additions fused where a compiler fuses them.
func logf(x float32) float32 {
	bits := math.Float32bits(x)
	e := float32(int32(bits>>23) - 126)
	x = math.Float32frombits(bits&(1<<23-1) | 0x3f000000) // the fraction, in [0.5, 1)
	if x < 0.707106781186547524 {
		e--
		x = x + x - 1 // x-1 is exact, so the order does not matter
	} else {
		x--
	}
	z := x * x
	y := vec.FMA(7.0376836292e-2, x, -1.1514610310e-1)
	y = vec.FMA(y, x, 1.1676998740e-1)
	y = vec.FMA(y, x, -1.2420140846e-1)
	y = vec.FMA(y, x, 1.4249322787e-1)
	y = vec.FMA(y, x, -1.6668057665e-1)
	y = vec.FMA(y, x, 2.0000714765e-1)
	y = vec.FMA(y, x, -2.4999993993e-1)
	y = vec.FMA(y, x, 3.3333331174e-1)
	y = float32(y * x)
	y = vec.FMA(y, z, float32(e*-2.12194440e-4))
	y -= float32(z * 0.5)
	return vec.FMA(e, 0.693359375, float32(x+y))
}

// sincosf returns the sine and cosine of Cephes (sinf.c) for x in [0, 8192).
func sincosf(x float32) (sin, cos float32) {
	j := int32(x*1.27323954473516) + 1 // 4/pi: which eighth of the circle
	j &^= 1
	y := float32(j)
	x = vec.FMA(y, -0.78515625, x) // pi/4 in three parts, so that little is lost
	x = vec.FMA(y, -2.4187564849853515625e-4, x)
	x = vec.FMA(y, -3.77489497744594108e-8, x)
	z := float32(x * x)

	c := vec.FMA(2.443315711809948e-5, z, -1.388731625493765e-3)
	c = vec.FMA(c, z, 4.166664568298827e-2)
	c = float32(c * z)
	c = vec.FMA(c, z, -float32(z*0.5)) + 1

	s := vec.FMA(-1.9515295891e-4, z, 8.3321608736e-3)
	s = vec.FMA(s, z, -1.6666654611e-1)
	s = vec.FMA(float32(s*z), x, x)

	sin, cos = s, c
	if j&2 != 0 {
		sin, cos = c, s
	}
	if j&4 != 0 {
		sin = -sin
	}
	if (j-2)&4 == 0 {
		cos = -cos
	}
	return sin, cos
}
