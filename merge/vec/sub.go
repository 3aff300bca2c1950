package vec

// Sub takes x from dst, element by element, in float32.
func Sub(dst, x []float32) {
	Axpy(dst, -1, x) // the product is exact, so it rounds once, as a difference does
}
