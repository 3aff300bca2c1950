package portable

import (
	"hash/crc32"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestFunctions compares with package math, whose results are good but not the
// same everywhere.
func TestFunctions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	near := func(name string, x, got, want, least float64) {
		t.Helper()
		if math.Abs(got-want) > 7e-16*math.Abs(want)+least {
			t.Errorf("%s(%v) = %v; want %v", name, x, got, want)
		}
	}
	for range 200_000 {
		x := math.Ldexp(1+r.Float64(), r.IntN(2000)-1000)
		if r.IntN(2) == 0 {
			x = 2 * r.Float64()
		}
		near("Log", x, Log(x), math.Log(x), 1e-19)
		near("Log2", x, Log2(x), math.Log2(x), 4e-16)
		y := 1400 * (r.Float64() - 0.5)
		near("Exp", y, Exp(y), math.Exp(y), 0)
		y /= 1000
		near("Exp", y, Exp(y), math.Exp(y), 0)
		y *= 10_000
		s, c := Sincos(y)
		near("sin", y, s, math.Sin(y), 2e-16)
		near("cos", y, c, math.Cos(y), 2e-16)
		z := 20 * (r.Float64() - 0.5)
		near("NormalCDF", z, NormalCDF(z), math.Erfc(-z/math.Sqrt2)/2, 2e-15)
	}
	for e := -1074; e < 1024; e++ {
		if got := Log2(math.Ldexp(1, e)); got != float64(e) {
			t.Errorf("Log2(2^%d) = %v", e, got)
		}
	}
}

func TestEnds(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		name      string
		f         func(float64) float64
		x, result float64
	}{
		{"Log", Log, 0, -inf},
		{"Log", Log, 1, 0},
		{"Log", Log, -1, nan},
		{"Log", Log, nan, nan},
		{"Log", Log, inf, inf},
		{"Log2", Log2, 0, -inf},
		{"Exp", Exp, 0, 1},
		{"Exp", Exp, 1000, inf},
		{"Exp", Exp, 709.5, 1.3549863193146328e308}, // package math has infinity, on some processors
		{"Exp", Exp, -745, math.SmallestNonzeroFloat64},
		{"Exp", Exp, -1000, 0},
		{"Exp", Exp, -inf, 0},
		{"Exp", Exp, inf, inf},
		{"Exp", Exp, nan, nan},
		{"NormalCDF", NormalCDF, 0, 0.5},
		{"NormalCDF", NormalCDF, 40, 1},
		{"NormalCDF", NormalCDF, -40, 0},
		{"NormalCDF", NormalCDF, inf, 1},
		{"NormalCDF", NormalCDF, nan, nan},
	} {
		got := tt.f(tt.x)
		if math.Abs(got-tt.result) > 1e-15*math.Abs(got) || math.IsNaN(got) != math.IsNaN(tt.result) {
			t.Errorf("%s(%v) = %v; want %v", tt.name, tt.x, got, tt.result)
		}
	}
}

// TestSameBits holds the very bits, which are to be those of every processor:
// make arm64 runs it there.
func TestSameBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	sum := crc32.NewIEEE()
	put := func(all ...float64) {
		for _, v := range all {
			sum.Write(strconv.AppendUint(nil, math.Float64bits(v), 16))
		}
	}
	for range 20_000 {
		x := r.Float64()
		put(Log(x), Log2(x), Exp(20*(x-0.5)), NormalCDF(8*(x-0.5)))
		put(Sincos(10 * x))
	}
	for n := range 24 {
		a := symmetric(r, n)
		values, vectors, _ := Eigen(a, n)
		put(values...)
		put(vectors...)
		b := make([]float64, n)
		for i := range b {
			a[i*n+i] += float64(n)
			b[i] = r.Float64()
		}
		x, inverse, _ := Solve(a, b)
		put(x...)
		put(inverse...)
	}
	if got := sum.Sum32(); got != 0x6548dfa2 {
		t.Errorf("checksum %#x", got)
	}
}

// symmetric returns a symmetric matrix of n rows.
func symmetric(r *rand.Rand, n int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			a[i*n+j] = 2*r.Float64() - 1
			a[j*n+i] = a[i*n+j]
		}
	}
	return a
}
