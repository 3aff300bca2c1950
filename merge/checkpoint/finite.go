package checkpoint

import (
	"encoding/binary"

	"mixmatch/merge/vec"
)

// NonFinite returns how many of the numbers in stored, which are of format d, are
// infinite or no numbers. Formats that are not computed with have none.
func (d DType) NonFinite(stored []byte) int {
	bad := 0
	if d == F64 { // as float32 others would be infinite too
		const exponent = 0x7ff << 52
		for ; len(stored) >= 8; stored = stored[8:] {
			if binary.LittleEndian.Uint64(stored)&exponent == exponent {
				bad++
			}
		}
		return bad
	}
	f := d.format()
	if f == nil || f.widen == nil {
		return 0
	}
	width := f.bits / 8
	x := make([]float32, min(len(stored)/width, 4096))
	for len(stored) >= width {
		n := min(len(x), len(stored)/width)
		f.widen(x[:n], stored[:n*width])
		bad += vec.Finite(x[:n])
		stored = stored[n*width:]
	}
	return bad
}
