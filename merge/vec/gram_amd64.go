//go:build !purego

package vec

import "golang.org/x/sys/cpu"

var fast512 = fast && cpu.X86.HasAVX512F

//go:noescape
func spreadAVX2(to *float64, x *float32, fours int)

//go:noescape
func spreadLessAVX2(to *float64, x, base *float32, fours int)

//go:noescape
func spreadF16AVX2(to *float64, stored *byte, base *float32, fours int)

//go:noescape
func tileAVX2(sums, x, y *float64, stride, fours int)

//go:noescape
func tileAVX512(sums, x, y *float64, stride, fours int)

//go:noescape
func cornerAVX512(first, both, second, x *float64, stride, fours int)

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

func spreadF16Fast(to []float64, stored []byte, base []float32) int {
	if !fast || len(base) < 8 {
		return 0
	}
	spreadF16AVX2(&to[0], &stored[0], &base[0], len(base)/8*2)
	return len(base) &^ 7
}

func cornerFast(first, both, second, x []float64, fours int) bool {
	if fast512 {
		cornerAVX512(&first[0], &both[0], &second[0], &x[0], 8*pairStride, fours)
	}
	return fast512
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
