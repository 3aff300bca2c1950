package vec

import (
	"math"
	"testing"
)

// TestRoundF16 compares with a store and a load, for every 61st float32
// number (or fewer) and those around all ties.
func TestRoundF16(t *testing.T) {
	var x, want []float32
	stored := make([]byte, 2*(1<<14+3))
	compare := func() {
		want = append(want[:0], x...)
		NarrowF16(stored[:2*len(x)], want)
		WidenF16(want, stored[:2*len(x)])
		RoundF16(x)
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(want[i]) {
				t.Fatalf("got %#08x; want %#08x", math.Float32bits(x[i]), math.Float32bits(want[i]))
			}
		}
		x = x[:0]
	}
	stride := uint64(61)
	if testing.Short() {
		stride = 65521
	}
	for b := uint64(0); b < 1<<32; b += stride {
		if x = append(x, math.Float32frombits(uint32(b))); len(x) == 1<<14 {
			compare()
		}
	}
	for b := uint64(0); b < 1<<32; b += 1 << 12 {
		for d := range uint64(3) {
			x = append(x, math.Float32frombits(uint32(b+d-1)))
		}
		if len(x) >= 1<<14 {
			compare()
		}
	}
	compare()
}
