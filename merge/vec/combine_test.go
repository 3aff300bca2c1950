package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestCombine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 4096, 10000} {
		rows := [][]float32{matrix(r, n), matrix(r, n), matrix(r, n)}
		w := []float32{0.5, 0, -1.25}
		dst := matrix(r, n)
		Combine(dst, w, rows)
		for i, v := range dst {
			want := 0.5*float64(rows[0][i]) - 1.25*float64(rows[2][i])
			if math.Abs(float64(v)-want) > 1e-6 {
				t.Fatalf("%d elements: element %d is %v, not %v", n, i, v, want)
			}
		}
	}
}
