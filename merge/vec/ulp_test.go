package vec

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/x448/float16"
)

// TestSumUlp2 compares with the definition for each 16-bit number in turn.
func TestSumUlp2(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sum   func([]byte) float64
		value func(uint16) float32
		inf   uint16
	}{
		{"F16", SumUlp2F16, func(v uint16) float32 { return float16.Frombits(v).Float32() }, 0x7c00},
		{"BF16", SumUlp2BF16, func(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }, 0x7f80},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b [2]byte
			for v := range 1 << 16 {
				binary.LittleEndian.PutUint16(b[:], uint16(v))
				abs := uint16(v) & 0x7fff
				var want float64
				switch {
				case abs+1 < tt.inf:
					d := float64(tt.value(abs+1)) - float64(tt.value(abs))
					want = d * d
				case abs < tt.inf: // the largest: its neighbour would be the next power of two
					d := float64(tt.value(abs)) - float64(tt.value(abs-1))
					want = d * d
				}
				if got := tt.sum(b[:]); got != want {
					t.Fatalf("%#04x: got %v; want %v", v, got, want)
				}
			}
		})
	}
	// All at once, in a length that is no multiple of 4.
	src := make([]byte, 0, 2*7)
	var want float64
	for _, v := range []uint16{0x3c00, 0x4000, 0x0001, 0, 0x7c00, 0xbc00, 0x7bff} {
		src = binary.LittleEndian.AppendUint16(src, v)
		want += SumUlp2F16(src[len(src)-2:])
	}
	if got := SumUlp2F16(src); got != want {
		t.Errorf("got %v; want %v", got, want)
	}
}

// TestSumUlp2F16 compares what the processor does with counts of the exponents, to
// the bit: of weights, of all numbers there are, and of any.
func TestSumUlp2F16(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	everyKernel(t, func(t *testing.T) {
		for n := range 300 {
			for _, kind := range []string{"weights", "any", "all"} {
				src := make([]byte, 2*n)
				switch kind {
				case "weights":
					NarrowF16(src, matrix(r, n))
				case "any":
					for i := range src {
						src[i] = byte(r.Uint32())
					}
				case "all":
					for i := range n {
						binary.LittleEndian.PutUint16(src[2*i:], uint16(i*219))
					}
				}
				counts := exponents16(src, 10, 0x1f)
				low, high := slices.Clone(counts), slices.Clone(counts)
				clear(low[16:])
				clear(high[:16])
				if got, want := SumUlp2F16(src), sumUlp2(low, 10, 15)+sumUlp2(high, 10, 15); got != want {
					t.Fatalf("%d of %s: %v; want %v", n, kind, got, want)
				}
			}
		}
	})
}

func TestSumUlp2Wide(t *testing.T) {
	for _, x := range []float64{0, 1, -1, 1.5, 3, 1e-30, 1e-40, 0x1p-126, 12345} {
		var b4 [4]byte
		var b8 [8]byte
		binary.LittleEndian.PutUint32(b4[:], math.Float32bits(float32(x)))
		binary.LittleEndian.PutUint64(b8[:], math.Float64bits(x))
		abs := float32(math.Abs(x))
		d := float64(math.Nextafter32(abs, 2*abs+1)) - float64(abs)
		if got := SumUlp2F32(b4[:]); got != d*d {
			t.Errorf("float32 %v: got %v; want %v", x, got, d*d)
		}
		d = math.Nextafter(math.Abs(x), math.MaxFloat64) - math.Abs(x)
		if got := SumUlp2F64(b8[:]); got != d*d {
			t.Errorf("float64 %v: got %v; want %v", x, got, d*d)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(-1)} {
		var b8 [8]byte
		binary.LittleEndian.PutUint64(b8[:], math.Float64bits(x))
		if got := SumUlp2F64(b8[:]); got != 0 {
			t.Errorf("%v: got %v; want 0", x, got)
		}
	}
}

func BenchmarkSumUlp2(b *testing.B) {
	x := weights(1 << 14)
	src := make([]byte, 2*len(x))
	NarrowF16(src, x)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		SumUlp2F16(src)
	}
}
