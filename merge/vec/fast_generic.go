//go:build !amd64 || purego

package vec

func widenF16Fast([]float32, []byte) int                    { return 0 }
func infiniteFast([]float32) (bad, done int)                { return 0, 0 }
func transposeFast([]float32, int, []float32, int, int) int { return 0 }
func maxFast(x []float32) (highest float32, done int)       { return x[0], 0 }
func atLeastFast([]byte, []float32, float32) int            { return 0 }
func dotFast(*[4]float64, []float32, []float32) int         { return 0 }
func axpyFast([]float32, float32, []float32) int            { return 0 }

func ulpF16Fast(src []byte) (sum float64, rest []byte) { return 0, src }
