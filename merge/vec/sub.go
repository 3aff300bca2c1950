package vec

// Sub takes x from dst, element by element, in float32.
func Sub(dst, x []float32) {
	check(len(dst) == len(x))
	for i, v := range x {
		dst[i] -= v
	}
}
