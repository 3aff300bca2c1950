package vec

// Max returns the greatest number of x, which holds one or more and no NaN. Of
// zeros it may return either.
func Max(x []float32) float32 {
	highest, done := maxFast(x)
	for _, v := range x[done:] {
		highest = max(highest, v)
	}
	return highest
}

// AtLeast sets bit i%8 of mask[i/8] where x_i is limit or more, and clears the
// other bits. Mask has a byte for each eight numbers or fewer.
func AtLeast(mask []byte, x []float32, limit float32) {
	check(len(mask) == (len(x)+7)/8)
	done := atLeastFast(mask, x, limit)
	clear(mask[done/8:])
	for i := done; i < len(x); i++ {
		if x[i] >= limit {
			mask[i/8] |= 1 << (i % 8)
		}
	}
}
