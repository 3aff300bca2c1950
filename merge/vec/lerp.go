package vec

// Lerp sets dst to what lies between x and y, in float32: w*(y-x) + from, where from
// is x or y. The difference is rounded, and the product and the sum once together, as
// by [FMA]. Dst may be one of the others.
func Lerp(dst, x, y, from []float32, w float32) {
	check(len(x) == len(dst) && len(y) == len(dst) && len(from) == len(dst))
	done := lerpFast(dst, x, y, from, w)
	lerpGo(dst[done:], x[done:], y[done:], from[done:], w)
}

func lerpGo(dst, x, y, from []float32, w float32) {
	x, y, from = x[:len(dst)], y[:len(dst)], from[:len(dst)]
	for i := range dst {
		dst[i] = FMA(w, float32(y[i]-x[i]), from[i])
	}
}
