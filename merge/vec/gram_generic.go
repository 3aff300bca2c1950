//go:build (!amd64 && !arm64) || purego

package vec

func spreadFast([]float64, []float32, []float32) int { return 0 }
func tileFast(sums, x, y []float64, fours int) bool  { return false }

func spreadF16Fast([]float64, []byte, []float32) int { return 0 }

func cornerFast(first, both, second, x []float64, fours int) bool { return false }
