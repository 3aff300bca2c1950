package vec

// Axpy adds a*x to dst, in float32: two roundings an element, on every machine,
// never one (a fused multiply-add would differ in the last bit).
func Axpy(dst []float32, a float32, x []float32) {
	check(len(dst) == len(x))
	for i := axpyFast(dst, a, x); i < len(x); i++ {
		dst[i] += float32(a * x[i])
	}
}

// Axpy64 adds a*x to dst, in float64: two roundings an element,
// like [Axpy].
func Axpy64(dst []float64, a float64, x []float32) {
	check(len(dst) == len(x))
	done := axpy64Fast(dst, a, x)
	axpy64Go(dst[done:], a, x[done:])
}

func axpy64Go(dst []float64, a float64, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] += float64(a * float64(v))
	}
}

// Scale sets dst to a*x, in float32.
func Scale(dst []float32, a float32, x []float32) {
	check(len(dst) == len(x))
	for i := scaleFast(dst, a, x); i < len(x); i++ {
		dst[i] = float32(a * x[i])
	}
}

// Add sets dst to x + y, in float32.
func Add(dst, x, y []float32) {
	check(len(dst) == len(x) && len(dst) == len(y))
	for i := addFast(dst, x, y); i < len(x); i++ {
		dst[i] = float32(x[i] + y[i])
	}
}

// Single sets dst to src, rounded to the nearest float32, ties to even; what is too
// large becomes infinite.
func Single(dst []float32, src []float64) {
	check(len(dst) == len(src))
	for i := singleFast(dst, src); i < len(src); i++ {
		dst[i] = float32(src[i])
	}
}
