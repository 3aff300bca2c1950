package vec

import (
	"math/rand/v2"
	"testing"
)

// TestTranspose moves matrices of all small sizes between rows that lie apart,
// and looks at what is beside them.
func TestTranspose(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for rows := range 35 {
		for cols := range 35 {
			from, to := cols+rows%3, rows+cols%4
			src, dst := matrix(r, rows*from), matrix(r, cols*to)
			was := append([]float32(nil), dst...)
			Transpose(dst, to, src, from, rows, cols)
			for i := range dst {
				want := was[i]
				if c, row := i/to, i%to; row < rows {
					want = src[row*from+c]
				}
				if dst[i] != want {
					t.Fatalf("%d x %d: element %d is %v; want %v", rows, cols, i, dst[i], want)
				}
			}
		}
	}
}
