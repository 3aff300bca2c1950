package vec

// Combine sets dst to the sum of w_i times row i, in float32. The rows must be
// as long as dst.
func Combine(dst, w []float32, rows [][]float32) {
	check(len(w) == len(rows))
	for _, r := range rows {
		check(len(r) == len(dst))
	}
	const stretch = 1 << 12 // stays in the first-level cache
	for at := 0; at < len(dst); at += stretch {
		end := min(at+stretch, len(dst))
		clear(dst[at:end])
		for i, r := range rows {
			if w[i] != 0 {
				Axpy(dst[at:end], w[i], r[at:end])
			}
		}
	}
}
