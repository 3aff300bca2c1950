package calc

import (
	"math"

	"mixmatch/merge/portable"
)

// mergeExtract adds to A what B and C have in common, or what tells them apart
// (mergers.py:795). With b = B-A, c = C-A and d = ((cos(b, c)+1)/2)^gamma, the
// cosine being that of rows along the last axis, it is
//
//	A + ((1-alpha) b + alpha c) ((1-beta) d + beta (1-d))
func (s Step) mergeExtract(dst []float32, ta, tb, tc Tensor) {
	rows, n := inner(ta.Shape)
	alpha, beta := float32(s.Alpha), float32(s.Beta)
	b, c := make([]float32, n), make([]float32, n)
	for r := range rows {
		at, end := r*n, (r+1)*n
		a, out := ta.Data[at:end], dst[at:end]
		subtract(b, tb.Data[at:end], a)
		subtract(c, tc.Data[at:end], a)
		x, y := floor(root(rowSum(b, b, 1, 1)), cosineEps), floor(root(rowSum(c, c, 1, 1)), cosineEps)
		cos := clamp(rowSum(b, c, x, y), -1, 1)
		d := pow(float32(float32(cos+1)/2), float32(s.Gamma))
		d = lerp1(d, float32(1-d), beta)
		for i := range out {
			out[i] = float32(a[i] + float32(lerp1(b[i], c[i], alpha)*d))
		}
		round(ta.DType, out)
	}
}

// root returns the square root of x, correctly rounded: float64 has more than
// twice the bits of float32, so the second rounding does no harm.
func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// floor returns x, or low if x is less; NaN stays NaN.
func floor(x, low float32) float32 {
	if x < low {
		return low
	}
	return x
}

// clamp returns x, or the nearer end if it lies outside; NaN stays NaN.
func clamp(x, low, high float32) float32 {
	if x > high {
		return high
	}
	return floor(x, low)
}

// pow returns x to the power of g for x from 0 to 1 (or NaN) and g of at least
// 0. It is torch.pow, which multiplies for small whole exponents; otherwise
// torch's error is up to a unit in the last place, and this one's a rounding.
func pow(x, g float32) float32 {
	switch {
	case g == 0:
		return 1
	case g == 1 || x == 0 || x == 1 || x != x:
		return x
	case g == 0.5:
		return root(x)
	case g == 2:
		return float32(x * x)
	case g == 3:
		return float32(float32(x*x) * x)
	}
	return float32(portable.Exp(float64(float64(g) * portable.Log(float64(x)))))
}
