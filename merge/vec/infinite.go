package vec

import "encoding/binary"

// InfiniteF16 returns how many of the float16 numbers in stored are infinite or no
// numbers.
func InfiniteF16(stored []byte) int { return infinite16(stored, 0x7c00) }

// InfiniteBF16 is InfiniteF16 for bfloat16 numbers.
func InfiniteBF16(stored []byte) int { return infinite16(stored, 0x7f80) }

// infinite16 counts numbers of 16 bits in which all bits of exponent are set.
func infinite16(b []byte, exponent uint16) (bad int) {
	for {
		n, done := infinite16Fast(b, exponent)
		if done == 0 {
			return bad + infinite16Go(b, exponent)
		}
		bad += n
		b = b[2*done:]
	}
}

func infinite16Go(b []byte, exponent uint16) (bad int) {
	for ; len(b) >= 2; b = b[2:] {
		if binary.LittleEndian.Uint16(b)&exponent == exponent {
			bad++
		}
	}
	return bad
}

// InfiniteF32 is InfiniteF16 for float32 numbers.
func InfiniteF32(stored []byte) (bad int) {
	for {
		n, done := infinite32Fast(stored)
		if done == 0 {
			return bad + infinite32Go(stored)
		}
		bad += n
		stored = stored[4*done:]
	}
}

func infinite32Go(stored []byte) (bad int) {
	const exponent = 0xff << 23
	for ; len(stored) >= 8; stored = stored[8:] {
		v := binary.LittleEndian.Uint64(stored)
		if v&exponent == exponent {
			bad++
		}
		if v>>32&exponent == exponent {
			bad++
		}
	}
	if len(stored) >= 4 && binary.LittleEndian.Uint32(stored)&exponent == exponent {
		bad++
	}
	return bad
}

// InfiniteF64 is InfiniteF16 for float64 numbers.
func InfiniteF64(stored []byte) (bad int) {
	const exponent = 0x7ff << 52
	for ; len(stored) >= 8; stored = stored[8:] {
		if binary.LittleEndian.Uint64(stored)&exponent == exponent {
			bad++
		}
	}
	return bad
}
