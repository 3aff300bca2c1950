package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTwins compares what the processor does with plain Go, to the bit, at all
// lengths and places.
func TestTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		x, y := place(matrix(r, n), n%7), place(matrix(r, n), n%5)
		for i := range x {
			x[i] *= float32(math.Ldexp(1, r.IntN(60)-30))
		}
		if got, want := Dot(x, y), dotGo([4]float64{}, x, y); got != want {
			t.Errorf("Dot of %d: %v, not %v", n, got, want)
		}
		want := make([]float32, n)
		for i := range want {
			product := float32(0.3 * x[i])
			want[i] = y[i] + product
		}
		Axpy(y, 0.3, x)
		for i := range want {
			if math.Float32bits(y[i]) != math.Float32bits(want[i]) {
				t.Fatalf("Axpy of %d: element %d is %v, not %v", n, i, y[i], want[i])
			}
		}
	}
}

// TestOrder holds the order of the sums, on which the products in studies depend.
func TestOrder(t *testing.T) {
	const large = 1 << 24 // squared, 1 more is just seen in float64; and 0.25 is not
	for _, tt := range []struct {
		places []int // of the large number, its negative and 0.5
		want   float64
	}{
		{[]int{0, 4, 8}, 0.25}, // gone before the small one comes
		{[]int{0, 8, 4}, 0},    // drowned in between
		{[]int{0, 8, 5}, 0.25}, // in another sum
		{[]int{3, 15, 11}, 0},
		{[]int{0, 18, 16}, 0}, // at the end every second number goes together
		{[]int{1, 19, 17}, 0},
		{[]int{0, 19, 16}, 0},
	} {
		x, y := make([]float32, 20), make([]float32, 20)
		x[tt.places[0]], y[tt.places[0]] = large*8, large*8
		x[tt.places[1]], y[tt.places[1]] = large*8, -large*8
		x[tt.places[2]], y[tt.places[2]] = 0.5, 0.5
		if got := Dot(x, y); got != tt.want {
			t.Errorf("%v: %v, not %v", tt.places, got, tt.want)
		}
	}
}
