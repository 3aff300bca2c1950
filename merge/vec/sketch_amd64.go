//go:build !purego

package vec

//go:noescape
func sketchAVX2(sums, squares *float64, x *float32, eights, turn int, signs *uint64)

// sketchFast does the elements up to the one that it returns.
func sketchFast(sums *[Buckets]float64, squares *[8]float64, x []float32, turn int, signs *[Buckets / 64]uint64) int {
	if !fast || len(x) < 8 {
		return 0
	}
	sketchAVX2(&sums[0], &squares[0], &x[0], len(x)/8, turn, &signs[0])
	return len(x) &^ 7
}
