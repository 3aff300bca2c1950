package vec

import "math"

// Lerp sets dst to what lies between x and y, in float32: w*(y-x) + from, where from
// is x or y. The difference is rounded, and the product and the sum once together, as
// by [FMA]. Dst must be none of the others.
func Lerp(dst, x, y, from []float32, w float32) {
	check(len(x) == len(dst) && len(y) == len(dst) && len(from) == len(dst))
	done := lerpFast(dst, x, y, from, w)
	lerpGo(dst[done:], x[done:], y[done:], from[done:], w)
}

// lerpGo does some elements at a time before it asks whether all went well.
func lerpGo(dst, x, y, from []float32, w float32) {
	const some = 64
	try := lerpLong
	if math.Float32bits(w)&0xffff == 0 {
		try = lerpShort
	}
	for at := 0; at < len(dst); at += some {
		end := min(at+some, len(dst))
		out, x, y, from := dst[at:end], x[at:end], y[at:end], from[at:end]
		if try(out, x, y, from, float64(w)) {
			continue
		}
		for i := range out {
			d := float32(y[i] - x[i])
			out[i] = RoundSum(float64(float64(w)*float64(d)), float64(from[i]))
		}
	}
}

// lerpLong sets dst to v*(y-x) + from, and reports whether that is sure to be
// right: it is [RoundSum], without the long way.
func lerpLong(dst, x, y, from []float32, v float64) bool {
	x, y, from = x[:len(dst)], y[:len(dst)], from[:len(dst)]
	sure := true
	for i := range dst {
		d := float32(y[i] - x[i])
		s := float64(float64(v*float64(d)) + float64(from[i]))
		if Doubtful(s) {
			sure = false
		}
		dst[i] = float32(s)
	}
	return sure
}

// lerpShort is lerpLong for ratios of few bits, such as 1/2: with those, sums
// half way between two numbers are common, but also exact, so that rounding
// them again does no harm.
func lerpShort(dst, x, y, from []float32, v float64) bool {
	x, y, from = x[:len(dst)], y[:len(dst)], from[:len(dst)]
	sure := true
	for i := range dst {
		d := float32(y[i] - x[i])
		p, c := float64(v*float64(d)), float64(from[i])
		// The sum is exact if what it has beyond the larger one is the smaller
		// one (Dekker). Which of the two that is costs more to ask.
		s := float64(p + c)
		if float64(s-p) != c || float64(s-c) != p {
			sure = false
		}
		dst[i] = float32(s)
	}
	return sure
}
