package similarity

import (
	"math"
	"math/big"
	"testing"
)

// A double is the sum of two numbers, of which the second has the digits that the first
// has no room for.
type double struct{ hi, lo float64 }

func (d double) big() *big.Float {
	x := new(big.Float).SetPrec(400).SetFloat64(d.hi)
	return x.Add(x, new(big.Float).SetFloat64(d.lo))
}

// exactDot is Dot2 of Ogita, Rump and Oishi (SIAM J. Sci. Comput. 26, 2005).
func exactDot(x, y []float64) double {
	s, c := 0.0, 0.0
	for i, v := range x {
		p := float64(v * y[i])
		sum := s + p
		z := sum - s
		c += (s - (sum - z)) + (p - z) + math.FMA(v, y[i], -p)
		s = sum
	}
	return double{s + c, c - (s + c - s)}
}

// bestMix returns the weights of the mix that is most like the target: G^-1 c divided
// by its sum, from the products p of a base, differences and the target's.
func bestMix(p []*big.Float) []float64 {
	n := int(math.Sqrt(float64(2*len(p)))) - 1 // models
	dot := func(i, j int) *big.Float {         // of models, and of the target
		sum := new(big.Float).Set(p[0])
		for _, k := range []int{i, j} {
			if k > 0 {
				sum.Add(sum, p[k])
			}
		}
		if i > 0 && j > 0 {
			sum.Add(sum, p[at(i, j, n+1)])
		}
		return sum
	}
	mul := func(a, b *big.Float) *big.Float { return new(big.Float).Mul(a, b) }
	a := make([][]*big.Float, n)
	for i := range a {
		for j := range n + 1 {
			a[i] = append(a[i], dot(min(i, j), max(i, j)))
		}
	}
	for i := range a { // Gauss and Jordan; the matrix is positive definite
		for k := range a {
			if k == i {
				continue
			}
			f := new(big.Float).Quo(a[k][i], a[i][i])
			for j := i; j <= n; j++ {
				a[k][j] = new(big.Float).Sub(a[k][j], mul(f, a[i][j]))
			}
		}
	}
	total, weights := new(big.Float), make([]float64, n)
	for i := range a {
		a[i][n].Quo(a[i][n], a[i][i])
		total.Add(total, a[i][n])
	}
	for i := range a {
		weights[i], _ = new(big.Float).Quo(a[i][n], total).Float64()
	}
	return weights
}

// total adds the tensors' products up, each with its weight.
func total(truths [][]double, tensors []Products, weight func(*Products) float64) []*big.Float {
	sums := make([]*big.Float, len(truths[0]))
	for e := range sums {
		sums[e] = new(big.Float).SetPrec(400)
		for i, truth := range truths {
			u := new(big.Float).SetPrec(400).SetFloat64(weight(&tensors[i]))
			sums[e].Add(sums[e], u.Mul(u, truth[e].big()))
		}
	}
	return sums
}

// TestExactDot compares with sums of a thousand bits.
func TestExactDot(t *testing.T) {
	r := newRand(1)
	for n := range 200 {
		x, y := normals(r, n, 1), normals(r, n, 1)
		want := new(big.Float).SetPrec(1000)
		for i := range x {
			v := new(big.Float).SetPrec(1000).SetFloat64(x[i])
			want.Add(want, v.Mul(v, big.NewFloat(y[i])))
		}
		off, _ := want.Sub(want, exactDot(x, y).big()).Float64()
		if math.Abs(off) > 1e-27*math.Sqrt(dot(x, x)*dot(y, y)) {
			t.Errorf("%d numbers: off by %.2g", n, off)
		}
	}
}
