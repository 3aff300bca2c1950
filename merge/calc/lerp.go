package calc

import (
	"math"

	"mixmatch/merge/vec"
)

// Elements interpolated before anyone asks whether all went well.
const batch = 64

// lerp sets dst to the elements between x and y at w, 0 being x: torch.lerp.
// It multiplies and adds with one rounding, from the end that is nearer.
func lerp(dst, x, y []float32, w float32) {
	v, from := w, x
	if w >= 0.5 {
		v, from = -float32(1-w), y // the sign of the product is all the same
	}
	try := lerpLong
	if math.Float32bits(v)&0xffff == 0 {
		try = lerpShort
	}
	for at := 0; at < len(dst); at += batch {
		end := min(at+batch, len(dst))
		out, x, y, from := dst[at:end], x[at:end], y[at:end], from[at:end]
		if try(out, x, y, from, float64(v)) {
			continue
		}
		for i := range out {
			d := float32(y[i] - x[i])
			out[i] = vec.RoundSum(float64(float64(v)*float64(d)), float64(from[i]))
		}
	}
}

// lerpLong sets dst to v*(y-x) + from, and reports whether that is sure to be
// right: it is [vec.RoundSum], without the long way.
func lerpLong(dst, x, y, from []float32, v float64) bool {
	x, y, from = x[:len(dst)], y[:len(dst)], from[:len(dst)]
	sure := true
	for i := range dst {
		d := float32(y[i] - x[i])
		s := float64(float64(v*float64(d)) + float64(from[i]))
		if vec.Doubtful(s) {
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

// lerp1 is lerp for one element.
func lerp1(x, y, w float32) float32 {
	d := float32(y - x)
	if w < 0.5 {
		return vec.FMA(w, d, x)
	}
	return vec.FMA(-d, float32(1-w), y)
}
