//go:build !amd64 || purego

package vec

func narrowF16Fast([]byte, []float32) int               { return 0 }
func narrowBF16Fast([]byte, []float32) int              { return 0 }
func roundF16Fast([]float32) int                        { return 0 }
func roundBF16Fast([]float32) int                       { return 0 }
func widenBF16Fast([]float32, []byte) int               { return 0 }
func singleFast([]float32, []float64) int               { return 0 }
func axpy64Fast([]float64, float64, []float32) int      { return 0 }
func lerpFast(dst, x, y, from []float32, w float32) int { return 0 }
func scaleFast([]float32, float32, []float32) int       { return 0 }
func addFast(dst, x, y []float32) int                   { return 0 }
func infinite16Fast([]byte, uint16) (bad, done int)     { return 0, 0 }
func widenF32Fast([]float32, []byte) int                { return 0 }
func narrowF32Fast([]byte, []float32) int               { return 0 }
func infinite32Fast([]byte) (bad, done int)             { return 0, 0 }
