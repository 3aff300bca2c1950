package recovery

import (
	"math"

	"mixmatch/merge/vec"
)

// A store is what a number format that the target was kept in for a while left of
// its numbers. In the end it is stored as float16.
type store func(x []float32)

// bfloat16 has 8 significant bits.
func bfloat16(x []float32) { vec.RoundBF16(x) }

// float8 is e4m3, which has 4 significant bits, no infinities, 448 for its
// largest number and 2^-9 for its least.
func float8(x []float32) {
	for i, v := range x {
		a := math.Abs(float64(v))
		_, e := math.Frexp(a)
		unit := math.Ldexp(1, max(e-4, -9))
		x[i] = float32(math.Copysign(min(math.RoundToEven(a/unit)*unit, 448), float64(v)))
	}
}
