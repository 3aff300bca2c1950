package similarity_test

import (
	"math"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// TestSlope compares the derivatives with differences of the loss itself, where it is
// large and where it nearly cancels.
func TestSlope(t *testing.T) {
	l, err := block.Default(block.SD1)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := l.Index("IN01")
	// B, two others and a target that is nearly 0.7 B + 0.3 D: |B|^2 = 100.
	for _, e := range []float64{0.5, 1e-3, 1e-7} {
		p := []float64{100, 2, -1, 0.6, 3, 0.5, 0.9, 2, 0.15, 0.27 + e}
		g := &similarity.Gram{Arch: block.SD1, Names: []string{"a", "b", "c"}, Tensors: []similarity.Products{
			{Key: "model.diffusion_model.input_blocks.1.0.out_layers.3.weight", Len: 10, P: similarity.NewTriangle(p, 4)},
		}}
		b := g.Blocks(l)
		w := []float64{0.5, 0.2, 0.3}
		slope := make([]float64, 3)
		loss, err := b.Slope(id, slope, w)
		if err != nil {
			t.Fatal(err)
		}
		if want, _ := b.Loss(id, w); loss != want {
			t.Errorf("e %g: loss %g, want %g", e, loss, want)
		}
		if slope[0] != 0 {
			t.Errorf("e %g: the first model's weight follows from the others, but has a slope %g", e, slope[0])
		}
		for i := 1; i < 3; i++ {
			const h = 1e-5
			at := func(d float64) float64 {
				x := append([]float64(nil), w...)
				x[i] += d
				x[0] -= d
				v, _ := b.Loss(id, x)
				return v
			}
			if want := (at(h) - at(-h)) / (2 * h); math.Abs(slope[i]-want) > 1e-8*math.Abs(want)+1e-12 {
				t.Errorf("e %g: derivative by weight %d is %g, differences say %g", e, i, slope[i], want)
			}
		}
	}
	empty := (&similarity.Gram{Names: []string{"a"}}).Blocks(l)
	if _, err := empty.Slope(id, make([]float64, 1), []float64{1}); err == nil {
		t.Error("an empty block has a slope")
	}
}
