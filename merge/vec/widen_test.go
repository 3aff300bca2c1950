package vec

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/x448/float16"
)

// TestWiden16 checks all 65,536 inputs, with the bytes and the numbers at each
// of 8 alignments, between guard values.
func TestWiden16(t *testing.T) {
	for _, tt := range []struct {
		name  string
		widen func([]float32, []byte)
		want  func(uint16) float32
	}{
		{"F16", WidenF16, func(v uint16) float32 { return float16.Frombits(v).Float32() }},
		{"BF16", WidenBF16, func(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const guard = 42
			for off := range 8 {
				src := make([]byte, off+2<<16)
				for i := range 1 << 16 {
					binary.LittleEndian.PutUint16(src[off+2*i:], uint16(i))
				}
				for n := 1<<16 - 8; n <= 1<<16; n++ {
					dst := make([]float32, off+n+8)
					for i := range dst {
						dst[i] = guard
					}
					tt.widen(dst[off:off+n], src[off:off+2*n])
					for i := range n {
						if got, want := dst[off+i], tt.want(uint16(i)); math.Float32bits(got) != math.Float32bits(want) {
							t.Fatalf("bits %#04x: got %v; want %v", i, got, want)
						}
					}
					for i, v := range dst {
						if (i < off || i >= off+n) && v != guard {
							t.Fatalf("wrote element %d of %d", i-off, n)
						}
					}
				}
			}
		})
	}
}

func TestWidenF32(t *testing.T) {
	for off := range 8 {
		for n := range 5 {
			src := make([]byte, off+4*n)
			for i := range n {
				binary.LittleEndian.PutUint32(src[off+4*i:], 0x7f800000+uint32(i)*0x01234567)
			}
			dst := make([]float32, n)
			WidenF32(dst, src[off:])
			for i, v := range dst {
				if got, want := math.Float32bits(v), 0x7f800000+uint32(i)*0x01234567; got != want {
					t.Errorf("got %#08x; want %#08x", got, want)
				}
			}
		}
	}
}

func TestWidenF64(t *testing.T) {
	for _, tt := range []struct {
		in   float64
		want float32
	}{
		{1, 1},
		{math.Copysign(0, -1), float32(math.Copysign(0, -1))},
		{1 + 0x1p-24, 1},                     // tie to even, down
		{1 + 3*0x1p-24, 1 + 0x1p-22},         // tie to even, up
		{1 + 0x1p-24 + 0x1p-50, 1 + 0x1p-23}, // just over the tie
		{0x1p-150, 0},                        // tie with the smallest subnormal
		{0x1.8p-149, 0x1p-148},               // subnormal tie to even
		{math.MaxFloat32, math.MaxFloat32},
		{math.MaxFloat64, float32(math.Inf(1))},
		{-1e39, float32(math.Inf(-1))},
		{math.NaN(), float32(math.NaN())},
	} {
		src := make([]byte, 9)
		binary.LittleEndian.PutUint64(src[1:], math.Float64bits(tt.in))
		var got [1]float32
		WidenF64(got[:], src[1:])
		if got[0] != tt.want && (got[0] == got[0] || tt.want == tt.want) || math.Signbit(float64(got[0])) != math.Signbit(float64(tt.want)) {
			t.Errorf("%v: got %v; want %v", tt.in, got[0], tt.want)
		}
	}
}

func BenchmarkWiden(b *testing.B) {
	x := weights(1 << 14)
	dst := make([]float32, len(x))
	for _, tt := range []struct {
		name   string
		width  int
		narrow func([]byte, []float32)
		widen  func([]float32, []byte)
	}{{"F16", 2, NarrowF16, WidenF16}, {"BF16", 2, NarrowBF16, WidenBF16}, {"F32", 4, NarrowF32, WidenF32}, {"F64", 8, NarrowF64, WidenF64}} {
		b.Run(tt.name, func(b *testing.B) {
			src := make([]byte, tt.width*len(x))
			tt.narrow(src, x)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				tt.widen(dst, src)
			}
		})
	}
}
