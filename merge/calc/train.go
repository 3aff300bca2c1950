package calc

import (
	"math"
	"slices"
)

// mergeTrain adds to A what B learned from C, the less the nearer A already is
// to B (mergers.py:777):
//
//	A + 1.8 alpha sign(B-C) |B-C| |B-A| / (|B-C| + |B-A|)
//
// in float32, which the result stays in. Where B and C are equal it is A.
func (s Step) mergeTrain(dst []float32, a, b, c Tensor) string {
	if slices.Equal(b.Data, c.Data) { // NaN equals nothing, as in torch.allclose
		copy(dst, a.Data)
		return a.DType
	}
	w := float32(float64(s.Alpha * 1.8))
	for i := range dst {
		d := float32(b.Data[i] - c.Data[i])
		learned, ahead := abs(d), abs(float32(b.Data[i]-a.Data[i]))
		var scale float32
		if sum := float32(learned + ahead); sum != 0 {
			scale = float32(ahead / sum)
		}
		switch {
		case d < 0:
			scale = -scale
		case d == 0:
			scale = 0 // the sign of 0
		}
		dst[i] = float32(a.Data[i] + float32(float32(scale*learned)*w))
	}
	return F32
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }
