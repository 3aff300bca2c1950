package vec

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"testing"
)

// bits32 is how NaN are compared too: to the bit.
func bits32(x []float32) []byte {
	b := make([]byte, 4*len(x))
	narrowF32Go(b, x)
	return b
}

// twins compares what stores and rounds numbers with plain Go.
func twins(t *testing.T, x []float32) {
	t.Helper()
	plain, odd := bits32(x), make([]byte, 4*len(x)+1)[1:] // at any alignment
	NarrowF32(odd, x)
	wide := make([]float32, len(x))
	WidenF32(wide, odd)
	if !bytes.Equal(odd, plain) || !bytes.Equal(bits32(wide), plain) {
		t.Fatalf("F32: stored otherwise, of %#x", plain)
	}
	if n, m := InfiniteF32(odd), infinite32Go(plain); n != m || n != len(x)-finite(x) {
		t.Fatalf("F32: %d infinite, %d in plain Go", n, m)
	}
	got, want := make([]byte, 2*len(x)), make([]byte, 2*len(x))
	for _, f := range []struct {
		name          string
		narrow, plain func([]byte, []float32)
		round, plainR func([]float32)
		infinite      func([]byte) int
		exponent      uint16
	}{
		{"F16", NarrowF16, narrowF16Go, RoundF16, roundF16Go, InfiniteF16, 0x7c00},
		{"BF16", NarrowBF16, narrowBF16Go, RoundBF16, roundBF16Go, InfiniteBF16, 0x7f80},
	} {
		f.narrow(got, x)
		f.plain(want, x)
		if !bytes.Equal(got, want) {
			t.Fatalf("%s: narrowed otherwise, of %#x", f.name, bits32(x))
		}
		r, s := append([]float32(nil), x...), append([]float32(nil), x...)
		f.round(r)
		f.plainR(s)
		if !bytes.Equal(bits32(r), bits32(s)) {
			t.Fatalf("%s: rounded otherwise, of %#x", f.name, bits32(x))
		}
		if n, m := f.infinite(got), infinite16Go(got, f.exponent); n != m || n != len(s)-finite(s) {
			t.Fatalf("%s: %d infinite, %d in plain Go", f.name, n, m)
		}
	}
}

func finite(x []float32) (n int) {
	for _, v := range x {
		if v-v == 0 {
			n++
		}
	}
	return n
}

func TestStoreTwins(t *testing.T) { batch(t, twins) }

// TestStoreAll is TestStoreTwins for all 2^32 numbers, which takes a few minutes.
func TestStoreAll(t *testing.T) {
	if os.Getenv("MIXMATCH_TEST_ALL") == "" {
		t.Skip("set MIXMATCH_TEST_ALL to try all numbers there are")
	}
	x := make([]float32, 1<<14)
	for b := uint64(0); b < 1<<32; b += uint64(len(x)) {
		for i := range x {
			x[i] = math.Float32frombits(uint32(b) + uint32(i))
		}
		twins(t, x)
	}
}

// TestInfinite counts where every number is one, which is the most that the counters
// must hold, and in every format the numbers around the first that is not finite.
func TestInfinite(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 1 << 18, 1<<18 + 1, 1<<20 + 5} {
		b := bytes.Repeat([]byte{0xff, 0x7f}, n)
		if got := InfiniteF16(b); got != n {
			t.Errorf("%d of F16: got %d", n, got)
		}
		if got := InfiniteBF16(b); got != n {
			t.Errorf("%d of BF16: got %d", n, got)
		}
	}
	for n := range 5 {
		var f32, f64 []byte
		for i := range n {
			f32 = binary.LittleEndian.AppendUint32(f32, math.Float32bits(float32(math.Inf(1-2*(i%2)))))
			f32 = binary.LittleEndian.AppendUint32(f32, math.Float32bits(-math.MaxFloat32))
			f32 = binary.LittleEndian.AppendUint32(f32, 0x7f800001)
			f64 = binary.LittleEndian.AppendUint64(f64, math.Float64bits(math.Inf(1-2*(i%2))))
			f64 = binary.LittleEndian.AppendUint64(f64, math.Float64bits(math.MaxFloat64))
			f64 = binary.LittleEndian.AppendUint64(f64, math.Float64bits(math.NaN()))
		}
		if got := InfiniteF32(f32); got != 2*n {
			t.Errorf("%d of F32: got %d", 2*n, got)
		}
		if got := InfiniteF64(f64); got != 2*n {
			t.Errorf("%d of F64: got %d", 2*n, got)
		}
	}
}

// TestMixTwins compares what mixes numbers with plain Go, for pairs of numbers of all
// kinds. Of two NaN either may be what comes out.
func TestMixTwins(t *testing.T) {
	var last []float32
	batch(t, func(t *testing.T, x []float32) {
		y := make([]float32, len(x)) // those before, the other way round
		for i := range y {
			if k := len(last) - 1 - i; k >= 0 {
				y[i] = last[k]
			}
			if x[i] != x[i] && y[i] != y[i] {
				y[i] = 1
			}
		}
		last = append(last[:0], x...)
		n := len(x)
		for _, a := range []float32{0.3, -1.25, 0.5, 1e30, 0} {
			got, want := make([]float32, n), make([]float32, n)
			same := func(name string) {
				t.Helper()
				for i := range got {
					if g, w := math.Float32bits(got[i]), math.Float32bits(want[i]); g != w {
						t.Fatalf("%s of %#08x and %#08x by %v: got %#08x; want %#08x", name, math.Float32bits(x[i]), math.Float32bits(y[i]), a, g, w)
					}
				}
			}
			sum, plain := make([]float64, n), make([]float64, n)
			for _, v := range [][]float32{x, y} {
				Axpy64(sum, float64(a)/3, v)
				axpy64Go(plain, float64(a)/3, v)
			}
			Single(got, sum)
			for i, v := range plain {
				want[i] = float32(v)
			}
			same("sum")
			Scale(got, a, x)
			for i, v := range x {
				want[i] = float32(a * v)
			}
			same("product")
			Add(got, x, y)
			for i, v := range x {
				want[i] = float32(v + y[i])
			}
			same("sum of two")
			if a > 1 || a < -1 {
				continue // what is infinite then would be no number
			}
			Lerp(got, x, y, x, a)
			lerpGo(want, x, y, x, a)
			same("lerp")
			for i := range want {
				want[i] = FMA(a, float32(y[i]-x[i]), x[i])
			}
			same("lerp by FMA")
			Lerp(got, x, y, y, a)
			lerpGo(want, x, y, y, a)
			same("lerp from the end")
		}
	})
}

func TestSingle(t *testing.T) {
	var x []float64
	patterns(func(v float32) {
		if len(x) < 1<<16 {
			h := float64(v) * (1 + 0x1p-24) // half way
			x = append(x, h, math.Nextafter(h, 0), math.Nextafter(h, 1e300), h*1e200)
		}
	})
	got := make([]float32, len(x))
	Single(got, x)
	for i, v := range x {
		if want := float32(v); math.Float32bits(got[i]) != math.Float32bits(want) {
			t.Fatalf("%v: got %v; want %v", v, got[i], want)
		}
	}
}
