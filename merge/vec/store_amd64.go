//go:build !purego

package vec

// As in fast_amd64.go, for what stores numbers and what mixes them before.

//go:noescape
func narrowF16AVX2(dst *byte, src *float32, eights int)

//go:noescape
func narrowBF16AVX2(dst *byte, src *float32, eights int)

//go:noescape
func roundF16AVX2(x *float32, eights int)

//go:noescape
func roundBF16AVX2(x *float32, eights int)

//go:noescape
func widenBF16AVX2(dst *float32, src *byte, eights int)

//go:noescape
func singleAVX2(dst *float32, src *float64, eights int)

//go:noescape
func axpy64AVX2(dst *float64, x *float32, eights int, a float64)

//go:noescape
func lerpAVX2(dst, x, y, from *float32, eights int, w float32)

//go:noescape
func scaleAVX2(dst, x *float32, eights int, a float32)

//go:noescape
func addAVX2(dst, x, y *float32, eights int)

//go:noescape
func infinite32AVX2(b *byte, eights int) int

//go:noescape
func widenF32AVX2(dst *float32, src *byte, eights int)

//go:noescape
func narrowF32AVX2(dst *byte, src *float32, eights int)

//go:noescape
func infinite16AVX2(b *byte, sixteens int, exponents uint32) int

func narrowF16Fast(dst []byte, src []float32) int {
	if !fast || len(src) < 8 {
		return 0
	}
	narrowF16AVX2(&dst[0], &src[0], len(src)/8)
	return len(src) &^ 7
}

func narrowBF16Fast(dst []byte, src []float32) int {
	if !fast || len(src) < 8 {
		return 0
	}
	narrowBF16AVX2(&dst[0], &src[0], len(src)/8)
	return len(src) &^ 7
}

func roundF16Fast(x []float32) int {
	if !fast || len(x) < 8 {
		return 0
	}
	roundF16AVX2(&x[0], len(x)/8)
	return len(x) &^ 7
}

func roundBF16Fast(x []float32) int {
	if !fast || len(x) < 8 {
		return 0
	}
	roundBF16AVX2(&x[0], len(x)/8)
	return len(x) &^ 7
}

func widenBF16Fast(dst []float32, src []byte) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	widenBF16AVX2(&dst[0], &src[0], len(dst)/8)
	return len(dst) &^ 7
}

func widenF32Fast(dst []float32, src []byte) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	widenF32AVX2(&dst[0], &src[0], len(dst)/8)
	return len(dst) &^ 7
}

func narrowF32Fast(dst []byte, src []float32) int {
	if !fast || len(src) < 8 {
		return 0
	}
	narrowF32AVX2(&dst[0], &src[0], len(src)/8)
	return len(src) &^ 7
}

func infinite32Fast(b []byte) (bad, done int) {
	n := min(len(b)/32, 1<<27) // more might not fit the counters
	if !fast || n == 0 {
		return 0, 0
	}
	return infinite32AVX2(&b[0], n), 8 * n
}

func singleFast(dst []float32, src []float64) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	singleAVX2(&dst[0], &src[0], len(dst)/8)
	return len(dst) &^ 7
}

func axpy64Fast(dst []float64, a float64, x []float32) int {
	if !fast || len(x) < 8 {
		return 0
	}
	axpy64AVX2(&dst[0], &x[0], len(x)/8, a)
	return len(x) &^ 7
}

func lerpFast(dst, x, y, from []float32, w float32) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	lerpAVX2(&dst[0], &x[0], &y[0], &from[0], len(dst)/8, w)
	return len(dst) &^ 7
}

func scaleFast(dst []float32, a float32, x []float32) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	scaleAVX2(&dst[0], &x[0], len(dst)/8, a)
	return len(dst) &^ 7
}

func addFast(dst, x, y []float32) int {
	if !fast || len(dst) < 8 {
		return 0
	}
	addAVX2(&dst[0], &x[0], &y[0], len(dst)/8)
	return len(dst) &^ 7
}

// infinite16Fast counts in the first 2^18 numbers: its counters have 16 bits.
func infinite16Fast(b []byte, exponent uint16) (bad, done int) {
	n := min(len(b)/32, 1<<14)
	if !fast || n == 0 {
		return 0, 0
	}
	return infinite16AVX2(&b[0], n, uint32(exponent)<<16|uint32(exponent)), 16 * n
}
