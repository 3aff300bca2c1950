package checkpoint

import "mixmatch/merge/vec"

// NonFinite returns how many of the numbers in stored, which are of format d, are
// infinite or no numbers. Formats that are not computed with have none.
func (d DType) NonFinite(stored []byte) int {
	switch d {
	case F16:
		return vec.InfiniteF16(stored)
	case BF16:
		return vec.InfiniteBF16(stored)
	case F32:
		return vec.InfiniteF32(stored)
	case F64: // as float32 others would be infinite too
		return vec.InfiniteF64(stored)
	}
	f := d.format()
	if f == nil || f.widen == nil {
		return 0
	}
	bad := 0
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
