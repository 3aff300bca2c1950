//go:build !amd64 || purego

package vec

func sketchFast(*[Buckets]float64, *[8]float64, []float32, int, *[Buckets / 64]uint64) int {
	return 0
}
