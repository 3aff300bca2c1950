package vec

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/x448/float16"
)

// half maps the bits of every float16 to its value. A look-up is six times as
// fast as the conversion in Go, and right for subnormals, infinities and NaN.
var half = sync.OnceValue(func() *[1 << 16]float32 {
	var t [1 << 16]float32
	for i := range t {
		t[i] = float16.Frombits(uint16(i)).Float32()
	}
	return &t
})

// WidenF16 sets dst to the float16 numbers in src, exactly.
// src holds 2 bytes for each element of dst.
func WidenF16(dst []float32, src []byte) {
	check(len(src) == 2*len(dst))
	done := widenF16Fast(dst, src)
	widenF16Go(dst[done:], src[2*done:])
}

func widenF16Go(dst []float32, src []byte) {
	t := half()
	for len(src) >= 8 && len(dst) >= 4 {
		v := binary.LittleEndian.Uint64(src)
		dst[0] = t[uint16(v)]
		dst[1] = t[uint16(v>>16)]
		dst[2] = t[uint16(v>>32)]
		dst[3] = t[uint16(v>>48)]
		src, dst = src[8:], dst[4:]
	}
	for i := range dst {
		dst[i] = t[binary.LittleEndian.Uint16(src[2*i:])]
	}
}

// WidenBF16 sets dst to the bfloat16 numbers in src, exactly.
// src holds 2 bytes for each element of dst.
func WidenBF16(dst []float32, src []byte) {
	check(len(src) == 2*len(dst))
	done := widenBF16Fast(dst, src)
	widenBF16Go(dst[done:], src[2*done:])
}

func widenBF16Go(dst []float32, src []byte) {
	for len(src) >= 8 && len(dst) >= 4 {
		v := binary.LittleEndian.Uint64(src)
		dst[0] = math.Float32frombits(uint32(v) << 16)
		dst[1] = math.Float32frombits(uint32(v) >> 16 << 16)
		dst[2] = math.Float32frombits(uint32(v>>32) << 16)
		dst[3] = math.Float32frombits(uint32(v>>48) << 16)
		src, dst = src[8:], dst[4:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// WidenF32 sets dst to the float32 numbers in src.
// src holds 4 bytes for each element of dst.
func WidenF32(dst []float32, src []byte) {
	check(len(src) == 4*len(dst))
	done := widenF32Fast(dst, src)
	widenF32Go(dst[done:], src[4*done:])
}

func widenF32Go(dst []float32, src []byte) {
	for len(src) >= 8 && len(dst) >= 2 {
		v := binary.LittleEndian.Uint64(src)
		dst[0] = math.Float32frombits(uint32(v))
		dst[1] = math.Float32frombits(uint32(v >> 32))
		src, dst = src[8:], dst[2:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// WidenF64 sets dst to the float64 numbers in src, rounded to the nearest
// float32, ties to even; what is too large becomes infinite.
// src holds 8 bytes for each element of dst.
func WidenF64(dst []float32, src []byte) {
	check(len(src) == 8*len(dst))
	for len(src) >= 8 && len(dst) >= 1 {
		dst[0] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src)))
		src, dst = src[8:], dst[1:]
	}
}
