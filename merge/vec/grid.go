package vec

import "math"

// A Grid is a number format by the values that it has: multiples of an ulp, which
// is 2^(e-Bits) for values from 2^e to 2^(e+1), and no finer below 2^MinExp.
type Grid struct {
	Name   string
	Bits   int // of the mantissa, without the leading one
	MinExp int // of the smallest normal number
}

// Grids returns the grids that values may lie on although they are stored in a
// finer format, the coarsest first.
func Grids() []Grid {
	return []Grid{{"F8_E5M2", 2, -14}, {"F8_E4M3", 3, -6}, {"BF16", 7, -126}, {"F16", 10, -14}}
}

// GridOf returns the grid called name.
func GridOf(name string) (Grid, bool) {
	for _, g := range Grids() {
		if g.Name == name {
			return g, true
		}
	}
	return Grid{}, false
}

// ulp returns the distance of values around x, which is finite.
func (g Grid) ulp(x float32) float64 {
	e := int(math.Float32bits(x)>>23&0xff) - 127 // -127 for zero and subnormal numbers
	return math.Ldexp(1, max(e, g.MinExp)-g.Bits)
}

// Has returns how many elements of x are finite, not zero, and lie on the grid,
// and how many are finite and not zero.
func (g Grid) Has(x []float32) (on, of int) {
	for _, v := range x {
		if v == 0 || v-v != 0 {
			continue
		}
		of++
		if q := float64(v) / g.ulp(v); q == math.Trunc(q) {
			on++
		}
	}
	return on, of
}

// SumUlp2 returns the sum of ulp^2 over x: twelve times what rounding x to the grid
// adds to a squared distance on average. Elements that are not finite are left out.
func (g Grid) SumUlp2(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		if v-v == 0 {
			u := g.ulp(v)
			sum += float64(u * u)
		}
	}
	return sum
}
