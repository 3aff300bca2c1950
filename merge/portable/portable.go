// Package portable has what packages math and gonum have too, to the same bits on
// every processor. The standard library computes Exp and Log in assembly on some
// processors and in Go, in another way, on others; and compilers make one
// operation of a multiplication and an addition where the processor has it. A
// search amplifies such last digits until another recipe comes of it.
//
// Here every product is rounded before it is added, and all sums have an order.
// Square roots, [math.Ldexp] and the like are exact everywhere and not repeated.
package portable

import "math"

// The natural logarithm of 2 in two parts: products of the first, of 33 bits, with
// the exponent of a number are exact.
const (
	ln2High = 0x162e42fefp-33
	ln2Low  = math.Ln2 - ln2High
)

// Log returns the natural logarithm of x, to a few units in the last place. It is
// NaN below 0.
func Log(x float64) float64 {
	m, e, ok := split(x)
	if !ok {
		return m
	}
	n := float64(e)
	return float64(n*ln2High) + (logNear1(m) + float64(n*ln2Low))
}

// Log2 returns the binary logarithm of x, which is exact for powers of 2.
func Log2(x float64) float64 {
	m, e, ok := split(x)
	if !ok {
		return m
	}
	return float64(e) + float64(logNear1(m)*(1/math.Ln2))
}

// split returns x as m 2^e with m between the roots of 1/2 and 2. If x is not
// positive and finite ok is false, and m is the logarithm.
func split(x float64) (m float64, e int, ok bool) {
	switch {
	case x != x || x < 0:
		return math.NaN(), 0, false
	case x == 0:
		return math.Inf(-1), 0, false
	case x > math.MaxFloat64:
		return x, 0, false
	}
	m, e = math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m+m, e-1
	}
	return m, e, true
}

// logNear1 returns log m = 2 artanh r with r = (m-1)/(m+1), which is at most 0.172:
// the series is 2 (r + r^3/3 + r^5/5 + ...).
func logNear1(m float64) float64 {
	r := (m - 1) / (m + 1)
	r2 := float64(r * r)
	sum := 0.0
	for i := len(odd) - 1; i >= 0; i-- {
		sum = odd[i] + float64(sum*r2)
	}
	return float64(2*r) + float64(2*r*float64(r2*sum))
}

// odd are 1/3, 1/5, ...
var odd = [...]float64{1. / 3, 1. / 5, 1. / 7, 1. / 9, 1. / 11, 1. / 13, 1. / 15, 1. / 17, 1. / 19, 1. / 21, 1. / 23}

// Exp returns e to the power of x, to a few units in the last place.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	n := math.Floor(float64(x*(1/math.Ln2)) + 0.5)
	r := (x - float64(n*ln2High)) - float64(n*ln2Low) // at most 0.35
	sum := 0.0
	for i := 12; i >= 0; i-- { // r^15/15! is nothing
		sum = factorial[i] + float64(sum*r)
	}
	sum = 1 + (r + float64(float64(r*r)*sum))
	if n < -1021 || n > 1023 {
		return math.Ldexp(sum, int(n))
	}
	return sum * math.Float64frombits(uint64(int64(n)+1023)<<52)
}

// factorial are 1/2!, 1/3!, ..., 1/17!.
var factorial = [...]float64{
	1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880, 1. / 3628800,
	1. / 39916800, 1. / 479001600, 1. / 6227020800, 1. / 87178291200, 1. / 1307674368000,
	1. / 20922789888000, 1. / 355687428096000,
}

// Pi/2 in three parts of which products with small whole numbers are exact.
const (
	halfPiHigh = 0x1921fb544p-32
	halfPiMid  = 0x10b4611a6p-66
	halfPiLow  = math.Pi/2 - halfPiHigh - halfPiMid
)

// Sincos returns the sine and the cosine of x, which must be at most a million, to
// 1e-16.
func Sincos(x float64) (sin, cos float64) {
	n := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	r := ((x - float64(n*halfPiHigh)) - float64(n*halfPiMid)) - float64(n*halfPiLow) // at most pi/4
	r2 := float64(r * r)
	s, c := 0.0, 0.0
	for i := len(factorial) - 1; i >= 0; i-- {
		sign := float64(1 - (i+2)/2%2*2) // -, -, +, +: of x^2/2!, x^3/3!, ...
		if i%2 == 0 {
			c = float64(sign*factorial[i]) + float64(c*r2)
		} else {
			s = float64(sign*factorial[i]) + float64(s*r2)
		}
	}
	s, c = r+float64(r*float64(r2*s)), 1+float64(r2*c)
	switch int(n) & 3 {
	case 1:
		s, c = c, -s
	case 2:
		s, c = -s, -c
	case 3:
		s, c = -c, s
	}
	return s, c
}

// NormalCDF returns the probability that a standard normal number is less than z,
// to 1e-15: 1/2 + density(z) (z + z^3/3 + z^5/(3*5) + ...), a sum without
// cancellation.
func NormalCDF(z float64) float64 {
	switch {
	case z > 9:
		return 1
	case z < -9:
		return 0
	case z != z:
		return z
	}
	z2 := float64(z * z)
	term, sum := z, 0.0
	for k := 3.0; sum+term != sum; k += 2 {
		sum += term
		term = float64(term * z2 / k)
	}
	return 0.5 + float64(Exp(-z2/2)*sum*(1/(math.Sqrt2*math.SqrtPi)))
}
