package calc

import "mixmatch/merge/vec"

// lerp sets dst to the elements between x and y at w, 0 being x: torch.lerp.
// It multiplies and adds with one rounding, from the end that is nearer.
func lerp(dst, x, y []float32, w float32) {
	if w < 0.5 {
		vec.Lerp(dst, x, y, x, w)
	} else {
		vec.Lerp(dst, x, y, y, -float32(1-w)) // the sign of the product is all the same
	}
}

// lerp1 is lerp for one element.
func lerp1(x, y, w float32) float32 {
	d := float32(y - x)
	if w < 0.5 {
		return vec.FMA(w, d, x)
	}
	return vec.FMA(-d, float32(1-w), y)
}
