package vec

// Dot returns the inner product of x and y, which must be of one length. Each
// product is exact and the sum is taken in float64, always in the same order.
func Dot(x, y []float32) float64 {
	check(len(x) == len(y))
	var sums [4]float64
	done := dotFast(&sums, x, y)
	return dotGo(sums, x[done:], y[done:])
}

// Products adds to dst the inner products of all pairs i <= j of rows: <0,0>,
// <0,1>, ..., <1,1>, <1,2>, ... . For n rows dst holds n(n+1)/2 numbers. The
// rows must be of one length. Each pair is summed as [Dot] does it.
//
// What the caller subtracts beforehand decides the accuracy: models fine-tuned
// from one base are nearly parallel, so hand over the differences from it.
func Products(dst []float64, rows [][]float32) {
	n := len(rows)
	check(len(dst) == n*(n+1)/2)
	for j := range rows {
		check(len(rows[j]) == len(rows[0]))
		// Column j of the packed triangle: <i,j> is n-i-1 places before <i+1,j>.
		k := j
		for i := range j + 1 {
			dst[k] += Dot(rows[i], rows[j])
			k += n - i - 1
		}
	}
}

// dotGo goes on from the four sums of what came before, which is a multiple of
// eight products long: every fourth product goes into the same one. Of fewer than
// eight at the end every second goes into the first, or the second, of two.
func dotGo(sums [4]float64, x, y []float32) float64 {
	s0, s1, s2, s3 := sums[0], sums[1], sums[2], sums[3]
	y = y[:len(x)]
	for len(x) >= 8 {
		p, q := (*[8]float32)(x), (*[8]float32)(y)
		s0 += float64(float64(p[0]) * float64(q[0]))
		s1 += float64(float64(p[1]) * float64(q[1]))
		s2 += float64(float64(p[2]) * float64(q[2]))
		s3 += float64(float64(p[3]) * float64(q[3]))
		s0 += float64(float64(p[4]) * float64(q[4]))
		s1 += float64(float64(p[5]) * float64(q[5]))
		s2 += float64(float64(p[6]) * float64(q[6]))
		s3 += float64(float64(p[7]) * float64(q[7]))
		x, y = x[8:], y[8:]
	}
	s0, s1 = s0+s2, s1+s3
	for len(x) >= 2 {
		s0 += float64(float64(x[0]) * float64(y[0]))
		s1 += float64(float64(x[1]) * float64(y[1]))
		x, y = x[2:], y[2:]
	}
	if len(x) == 1 {
		s0 += float64(float64(x[0]) * float64(y[0]))
	}
	return s0 + s1
}
