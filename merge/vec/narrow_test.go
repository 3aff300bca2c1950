package vec

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/x448/float16"
)

// patterns calls f with float32 numbers of all kinds: each exponent with the
// fractions around the places where roundings change, then every stride-th bit
// pattern there is.
func patterns(f func(x float32)) {
	var fractions []uint32
	for bit := range 23 {
		for d := range uint32(3) {
			fractions = append(fractions, 1<<bit+d-1, 3<<bit+d-1, 1<<23-1<<bit+d-1)
		}
	}
	fractions = append(fractions, 0, 1, 0x7fffff)
	for e := range uint32(512) { // with the sign
		for _, m := range fractions {
			f(math.Float32frombits(e<<23 | m&0x7fffff))
		}
		for h := range uint32(1 << 10) { // all ties of float16, and their neighbours
			for d := range uint32(3) {
				f(math.Float32frombits(e<<23 | h<<13 + 0x1000 + d - 1))
			}
		}
	}
	stride := uint64(251) // a prime, so that all low bits occur
	if testing.Short() {
		stride = 65521
	}
	for b := uint64(0); b < 1<<32; b += stride {
		f(math.Float32frombits(uint32(b)))
	}
}

// batch gathers what patterns yields, so that the vector code is what runs.
func batch(t *testing.T, test func(t *testing.T, x []float32)) {
	x := make([]float32, 0, 4099)
	patterns(func(v float32) {
		if x = append(x, v); len(x) == cap(x) {
			test(t, x)
			x = x[:0]
		}
	})
	for n := range 9 { // the tails
		test(t, x[:min(n, len(x))])
	}
	test(t, x)
}

func TestNarrowF16(t *testing.T) {
	dst := make([]byte, 2*4099)
	batch(t, func(t *testing.T, x []float32) {
		NarrowF16(dst[:2*len(x)], x)
		for i, v := range x {
			got := binary.LittleEndian.Uint16(dst[2*i:])
			if want := float16.Fromfloat32(v).Bits(); got != want {
				t.Fatalf("%v (%#08x): got %#04x; want %#04x", v, math.Float32bits(v), got, want)
			}
		}
	})
}

// brain is the definition, in float64: the nearest of the neighbours that keep
// 16 bits, the even one of two as near.
func brain(v float32) uint16 {
	b := math.Float32bits(v)
	low := b &^ 0xffff
	x, l := math.Abs(float64(v)), math.Abs(float64(math.Float32frombits(low)))
	h := math.Abs(float64(math.Float32frombits(low + 0x10000)))
	if math.IsInf(h, 0) {
		h = 0x1p128 // what the next number would be
	}
	if x-l > h-x || x-l == h-x && low>>16&1 == 1 {
		low += 0x10000
	}
	return uint16(low >> 16)
}

func TestNarrowBF16(t *testing.T) {
	dst := make([]byte, 2*4099)
	batch(t, func(t *testing.T, x []float32) {
		NarrowBF16(dst[:2*len(x)], x)
		for i, v := range x {
			got := binary.LittleEndian.Uint16(dst[2*i:])
			if v != v {
				if got&0x7fff <= 0x7f80 || got>>15 != uint16(math.Float32bits(v)>>31) {
					t.Fatalf("NaN %#08x: got %#04x", math.Float32bits(v), got)
				}
				continue
			}
			want := brain(v)
			if math.IsInf(float64(v), 0) {
				want = uint16(math.Float32bits(v) >> 16)
			}
			if got != want {
				t.Fatalf("%v (%#08x): got %#04x; want %#04x", v, math.Float32bits(v), got, want)
			}
		}
	})
}

// TestRound checks that rounding in place is a store and a load.
func TestRound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		round  func([]float32)
		narrow func([]byte, []float32)
		widen  func([]float32, []byte)
	}{
		{"F16", RoundF16, NarrowF16, WidenF16},
		{"BF16", RoundBF16, NarrowBF16, WidenBF16},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stored, want := make([]byte, 2*4099), make([]float32, 4099)
			batch(t, func(t *testing.T, x []float32) {
				tt.narrow(stored[:2*len(x)], x)
				tt.widen(want[:len(x)], stored[:2*len(x)])
				tt.round(x)
				for i := range x {
					if math.Float32bits(x[i]) != math.Float32bits(want[i]) {
						t.Fatalf("got %#08x; want %#08x", math.Float32bits(x[i]), math.Float32bits(want[i]))
					}
				}
			})
		})
	}
}

func TestNarrowWide(t *testing.T) {
	x := []float32{0, float32(math.Copysign(0, -1)), 1, -2.5, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(-1)), 1 / 3.}
	for n := range len(x) + 1 {
		b4, b8 := make([]byte, 4*n), make([]byte, 8*n)
		NarrowF32(b4, x[:n])
		NarrowF64(b8, x[:n])
		y4, y8 := make([]float32, n), make([]float32, n)
		WidenF32(y4, b4)
		WidenF64(y8, b8)
		for i := range n {
			if w := math.Float32bits(x[i]); math.Float32bits(y4[i]) != w || math.Float32bits(y8[i]) != w {
				t.Errorf("%v: came back as %v and %v", x[i], y4[i], y8[i])
			}
			if got := math.Float64frombits(binary.LittleEndian.Uint64(b8[8*i:])); got != float64(x[i]) {
				t.Errorf("%v: stored as %v", x[i], got)
			}
		}
	}
	nan := make([]byte, 8)
	NarrowF64(nan, []float32{float32(math.NaN())})
	if !math.IsNaN(math.Float64frombits(binary.LittleEndian.Uint64(nan))) {
		t.Error("NaN did not stay NaN")
	}
}

func BenchmarkNarrow(b *testing.B) {
	x := weights(1 << 14)
	for _, tt := range []struct {
		name  string
		width int
		f     func([]byte, []float32)
	}{{"F16", 2, NarrowF16}, {"BF16", 2, NarrowBF16}, {"F32", 4, NarrowF32}, {"F64", 8, NarrowF64}} {
		b.Run(tt.name, func(b *testing.B) {
			dst := make([]byte, tt.width*len(x))
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				tt.f(dst, x)
			}
		})
	}
	b.Run("RoundF16", func(b *testing.B) {
		b.SetBytes(int64(2 * len(x)))
		for b.Loop() {
			RoundF16(x)
		}
	})
}
