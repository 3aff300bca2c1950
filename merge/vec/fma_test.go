package vec

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactly returns w*d + x as math/big rounds it.
func exactly(w, d, x float32) float32 {
	sum := new(big.Float).SetPrec(1000).SetFloat64(float64(w))
	sum.Mul(sum, new(big.Float).SetFloat64(float64(d)))
	sum.Add(sum, new(big.Float).SetFloat64(float64(x)))
	f, _ := sum.Float32()
	return f
}

// TestFMA compares with exact arithmetic: weights, all kinds of bits, and sums
// next to the middle between two numbers, where rounding twice goes wrong.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	bits := func() float32 {
		for {
			if x := math.Float32frombits(r.Uint32()); !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) {
				return x
			}
		}
	}
	twice := 0 // how often rounding twice would have been wrong
	check := func(w, d, x float32) {
		got, want := FMA(w, d, x), exactly(w, d, x)
		if got != want {
			t.Fatalf("%x*%x + %x: got %x; want %x", w, d, x, got, want)
		}
		if float32(float64(float64(w)*float64(d))+float64(x)) != want {
			twice++
		}
		if got, long := FMA(w, d, x), roundSumExact(float64(w)*float64(d), float64(x)); math.Float32bits(got) != math.Float32bits(long) {
			t.Fatalf("%x*%x + %x: the short way gives %x, the long one %x", w, d, x, got, long)
		}
	}
	for range 100_000 {
		check(float32(r.Float64()), float32(0.01*r.NormFloat64()), float32(0.05*r.NormFloat64()))
		check(bits(), bits(), bits())
	}
	for range 100_000 {
		// x has 24 bits; the product is half a unit of it, and a little more or
		// less, far below what float64 keeps of the sum.
		x := math.Ldexp(float64(1<<23+r.IntN(1<<23)), r.IntN(20)-10)
		_, e := math.Frexp(x)
		half := math.Ldexp(1, e-25)
		w := float32(1 + math.Ldexp(1, -23)*float64(r.IntN(3)))
		d := float32(half * (1 - math.Ldexp(1, -23)*float64(r.IntN(3))))
		check(w, d, float32(x))
		check(-w, d, float32(x))
		check(w, d, -float32(x))
	}
	for range 100_000 { // subnormal sums
		check(float32(r.Float64()), math.Float32frombits(r.Uint32N(1<<26)), -math.Float32frombits(r.Uint32N(1<<26)))
	}
	if twice == 0 {
		t.Error("no case tells it from rounding twice")
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, v := range [][3]float32{{inf, 1, 1}, {1, 1, inf}, {inf, 0, 1}, {inf, 1, -inf}, {nan, 1, 1}, {math.MaxFloat32, 2, 0}, {0, 0, 0}} {
		got, want := float64(FMA(v[0], v[1], v[2])), math.FMA(float64(v[0]), float64(v[1]), float64(v[2]))
		if float64(float32(want)) != got && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%v: got %v; want %v", v, got, want)
		}
	}
	if zero := FMA(0, 1, float32(math.Copysign(0, -1))); math.Float32bits(zero) != 0 {
		t.Errorf("0*1 + -0: got %v; want 0", zero)
	}
}

// TestFMATies: cases that rounding twice gets wrong.
func TestFMATies(t *testing.T) {
	tests := []struct{ x, y, z, want float32 }{
		{1, 1, 1, 2},
		{1 + 0x1p-23, 1 + 0x1p-23, 0, 1 + 0x1p-22},
		{0x1p-12, 0x1p-12, 1, 1},                                     // an exact tie: to even
		{0x1p-24 * (1 + 0x1p-23), 1 + 0x1p-23, 1, 1 + 0x1p-23},       // just above a tie
		{0x1p-30 * (1 + 0x1p-23), 0x1p-30, 1 + 0x1p-23, 1 + 0x1p-23}, // far below one
		{-0x1p-50, 0x1p-20, 1, 1},                                    // lost altogether
		{0x1p-24, 1 - 0x1p-24, 1 + 0x1p-23, 1 + 0x1p-23},             // just below a tie
		{(1 + 0x1p-12) * 0x1p-12, (1 - 0x1p-12) * 0x1p-12, 1 + 0x1p-23, 1 + 0x1p-23},
		{(1 + 0x1p-23) * 0x1p-30, 0x1p-30, 0x1p-24 + 1 - 1, 0x1p-24 + 0x1p-60 - 0x1p-60},
	}
	for _, c := range tests {
		if got := FMA(c.x, c.y, c.z); got != c.want {
			t.Errorf("FMA(%v, %v, %v) = %b, want %b", c.x, c.y, c.z, got, c.want)
		}
	}
}
