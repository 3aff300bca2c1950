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
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] += float64(a * float64(v))
	}
}
