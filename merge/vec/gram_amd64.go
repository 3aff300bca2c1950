//go:build !purego

package vec

import "golang.org/x/sys/cpu"

var fast512 = fast && cpu.X86.HasAVX512F

//go:noescape
func spreadAVX2(to *float64, x *float32, fours int)

//go:noescape
func spreadLessAVX2(to *float64, x, base *float32, fours int)

//go:noescape
func tileAVX2(sums, x, y *float64, stride, fours int)

//go:noescape
func tileAVX512(sums, x, y *float64, stride, fours int)

func spreadFast(to []float64, x, base []float32) int {
	if !fast || len(x) == 0 {
		return 0
	}
	if base == nil {
		spreadAVX2(&to[0], &x[0], len(x)/4)
	} else {
		spreadLessAVX2(&to[0], &x[0], &base[0], len(x)/4)
	}
	return len(x)
}

func tileFast(sums, x, y []float64, fours int) bool {
	switch {
	case fast512:
		tileAVX512(&sums[0], &x[0], &y[0], 8*pairStride, fours)
	case fast:
		tileAVX2(&sums[0], &x[0], &y[0], 8*pairStride, fours)
	}
	return fast
}
