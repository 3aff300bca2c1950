package similarity

import "math"

// expf returns e^x for x <= 0, within 2 units in the last place, and 0 below
// -87. It is Cephes' expf.c without its special cases: three times as fast as
// math.Exp, which a softmax of a million numbers calls as often.
func expf(x float32) float32 {
	if x < -87 {
		return 0
	}
	// x = n ln 2 + r. Adding 1.5*2^23 rounds to the nearest integer.
	const magic = 3 << 22
	t := float32(x*(1/math.Ln2)) + magic
	n := t - magic
	r := x - float32(n*0.693359375)
	r -= float32(n * -2.12194440e-4)
	y := float32(1.9875691500e-4*r) + 1.3981999507e-3
	y = float32(y*r) + 8.3334519073e-3
	y = float32(y*r) + 4.1665795894e-2
	y = float32(y*r) + 1.6666665459e-1
	y = float32(y*r) + 5.0000001201e-1
	y = float32(float32(y*r)*r) + r + 1
	return y * math.Float32frombits(uint32(int32(n)+127)<<23)
}
