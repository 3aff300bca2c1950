package calc

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSmooth compares with scipy 1.17.1 for axes shorter than the filters:
// gaussian_filter(median_filter(x, size=3), sigma=1) of numbers made by a rule.
func TestSmooth(t *testing.T) {
	for _, tt := range []struct {
		shape []int
		want  []uint32
	}{
		{[]int{1}, []uint32{0}},
		{[]int{2}, []uint32{0x3e881585, 0x3ef7ea7b}},
		{[]int{3}, []uint32{0x3e947884, 0x3f200587, 0x3f69be37}},
		{[]int{7}, []uint32{0x3e9176a0, 0x3f19381d, 0x3f5ee79a, 0x3f79bd4e, 0x3f844b63, 0x3f9178ec, 0x3f9eef87}},
		{[]int{2, 1, 3}, []uint32{0x3f2dcb67, 0x3f53c790, 0x3f79346e, 0x3f40684f, 0x3f611d39, 0x3f7fb312}},
		{[]int{3, 2, 1, 1}, []uint32{0x3f4a9c6a, 0x3f5039a5, 0x3f5cf496, 0x3f6626a1, 0x3f7233b5, 0x3f7bdb05}},
		{[]int{3, 0}, nil},
		{nil, []uint32{0}},
	} {
		x := make([]float32, product(tt.shape))
		for i := range x {
			x[i] = float32((i*i*37+11*i)%101) / 64
		}
		got := medians(x, tt.shape)
		blur(got, tt.shape)
		if len(got) != len(tt.want) {
			t.Fatalf("%v: %d values", tt.shape, len(got))
		}
		for i, v := range got {
			if math.Float32bits(v) != tt.want[i] {
				t.Errorf("%v, element %d: got %#08x; want %#08x", tt.shape, i, math.Float32bits(v), tt.want[i])
			}
		}
	}
}

// TestMiddle compares with sorting.
func TestMiddle(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 2000 {
		x := make([]float32, 1+2*r.IntN(41))
		for i := range x {
			x[i] = float32(r.IntN(1 + r.IntN(50)))
		}
		sorted := slices.Clone(x)
		slices.Sort(sorted)
		if got, want := middle(x), sorted[len(x)/2]; got != want {
			t.Fatalf("%v: got %v; want %v", sorted, got, want)
		}
		for i := range x { // NaN has no place in an order, but must not hang it
			if r.IntN(3) == 0 {
				x[i] = float32(math.NaN())
			}
		}
		middle(x)
	}
}

// TestBound compares with Python: range(n)[:int(x)] has that many elements.
func TestBound(t *testing.T) {
	for _, tt := range []struct {
		x    float64
		n    int
		want int
	}{{2.9, 5, 2}, {-0.9, 5, 0}, {-1.5, 5, 4}, {-7, 5, 0}, {9, 5, 5}, {1e300, 5, 5}, {-1e300, 5, 0}, {0, 0, 0}} {
		if got := bound(tt.x, tt.n); got != tt.want {
			t.Errorf("bound(%v, %d): got %d; want %d", tt.x, tt.n, got, tt.want)
		}
	}
}
