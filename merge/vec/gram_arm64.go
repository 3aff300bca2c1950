//go:build !purego

package vec

//go:noescape
func tileNEON(sums, x, y *float64, stride, fours int)

func spreadFast([]float64, []float32, []float32) int { return 0 }

func spreadF16Fast([]float64, []byte, []float32) int { return 0 }

func cornerFast(first, both, second, x []float64, fours int) bool { return false }

// tileFast adds two products with an instruction, where plain Go takes four and the
// loads for one.
func tileFast(sums, x, y []float64, fours int) bool {
	tileNEON(&sums[0], &x[0], &y[0], 8*pairStride, fours)
	return true
}
