package vec

import "math"

// RoundF16 sets each element of x to what a store as float16 and a load make
// of it. It needs no table: that would burden the cache.
func RoundF16(x []float32) { roundF16Go(x[roundF16Fast(x):]) }

func roundF16Go(x []float32) {
	for i, v := range x {
		b := math.Float32bits(v)
		if b&(1<<31-1)-113<<23 < (142-113)<<23 { // 2^-14 <= |v| < 2^15
			// Just under half a unit of what is dropped, or half where the last
			// bit kept is odd: it carries if it must.
			x[i] = math.Float32frombits((b + 0xfff + b>>13&1) &^ 0x1fff)
			continue
		}
		sign, abs := b&(1<<31), b&(1<<31-1)
		switch {
		case abs > 255<<23: // NaN, with what fits of the payload
			abs = abs&^0x1fff | 1<<22
		case abs >= 0x477ff000: // 65520, half way to what would be 2^16
			abs = 255 << 23
		case abs >= 113<<23:
			abs = (abs + 0xfff + abs>>13&1) &^ 0x1fff
		default: // the unit of 0.5 is 2^-24, that of float16 numbers below 2^-14
			abs = math.Float32bits(float32(float32(math.Float32frombits(abs)+0.5) - 0.5))
		}
		x[i] = math.Float32frombits(sign | abs)
	}
}

// RoundBF16 sets each element of x to what a store as bfloat16 and a load make
// of it.
func RoundBF16(x []float32) { roundBF16Go(x[roundBF16Fast(x):]) }

func roundBF16Go(x []float32) {
	for i, v := range x {
		x[i] = math.Float32frombits(brainBits(v) << 16)
	}
}
