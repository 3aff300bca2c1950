package portable

// Dot returns the inner product of x and y, which has as many elements. The sum is
// taken in four parts, so that the processor need not wait for the last addition.
func Dot(x, y []float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	for len(x) >= 4 {
		s0 += float64(x[0] * y[0])
		s1 += float64(x[1] * y[1])
		s2 += float64(x[2] * y[2])
		s3 += float64(x[3] * y[3])
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s0 += float64(v * y[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// AddScaled adds f*v to x, which has as many elements.
func AddScaled(x []float64, f float64, v []float64) {
	x = x[:len(v)]
	for i, u := range v {
		x[i] += float64(f * u)
	}
}
