package vec

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGridHalf takes every float16 number: the grid called so has them all, its
// sum of ulps is that of the stored bytes, and one bit more is off it.
func TestGridHalf(t *testing.T) {
	half := Grids()[3]
	for h := range 1 << 16 {
		var b [2]byte
		binary.LittleEndian.PutUint16(b[:], uint16(h))
		var x [1]float32
		WidenF16(x[:], b[:])
		if x[0]-x[0] != 0 {
			continue
		}
		if on, of := half.Has(x[:]); on != of {
			t.Fatalf("%#04x is %v, and not on the grid", h, x[0])
		}
		if got, want := half.SumUlp2(x[:]), SumUlp2F16(b[:]); got != want {
			t.Fatalf("%#04x: ulp^2 %v; want %v", h, got, want)
		}
		off := x[0] + float32(math.Copysign(math.Sqrt(half.SumUlp2(x[:]))/2, float64(x[0])))
		if on, _ := half.Has([]float32{off}); on != 0 {
			t.Fatalf("%v lies on the grid", off)
		}
	}
}

// TestGrids rounds numbers to each grid: they lie on it and on the finer ones, and
// by chance only on the coarser ones.
func TestGrids(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, g := range Grids() {
		x := make([]float32, 4096)
		for k := range x {
			v := 0.05 * r.NormFloat64()
			u := g.ulp(float32(v))
			x[k] = float32(math.RoundToEven(v/u) * u)
		}
		for k, other := range Grids() {
			on, of := other.Has(x)
			switch {
			case k == i && on != of, k == 3 && 1000*on < 999*of: // the tiniest of BF16 are none of F16
				t.Errorf("numbers of %s: %d of %d on %s", g.Name, on, of, other.Name)
			case k < i && float64(on) > 0.7*float64(of):
				t.Errorf("numbers of %s: %d of %d on the coarser %s", g.Name, on, of, other.Name)
			}
		}
	}
	if on, of := Grids()[0].Has([]float32{0, float32(math.Inf(1)), float32(math.NaN())}); on != 0 || of != 0 {
		t.Errorf("of zero, infinity and NaN %d of %d count", on, of)
	}
}
