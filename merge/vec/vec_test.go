package vec

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// weights returns n numbers like a model's.
func weights(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(0.03 * r.NormFloat64())
	}
	return x
}

// place returns a copy of x that starts off elements into a block.
func place(x []float32, off int) []float32 {
	b := make([]float32, off+len(x), off+len(x)+16)
	copy(b[off:], x)
	return b[off:]
}

// TestProducts compares with exact arithmetic, and checks that neither the
// place of the rows in memory nor their company changes a bit.
func TestProducts(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 9} {
		for _, size := range []int{0, 1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 320, 1283} {
			all := weights(n * size)
			rows := make([][]float32, n)
			for i := range rows {
				rows[i] = all[i*size : (i+1)*size : (i+1)*size]
			}
			first := make([]float64, n*(n+1)/2)
			Products(first, rows)
			k := 0
			for i := range rows {
				for j := i; j < n; j++ {
					exact, scale := new(big.Float).SetPrec(300), 0.
					for e, v := range rows[i] {
						p := float64(v) * float64(rows[j][e])
						exact.Add(exact, big.NewFloat(p))
						scale += math.Abs(p)
					}
					want, _ := exact.Float64()
					if math.Abs(first[k]-want) > 1e-14*scale {
						t.Errorf("%d rows of %d, pair %d %d: got %v; want %v", n, size, i, j, first[k], want)
					}
					if got := Dot(rows[i], rows[j]); got != first[k] {
						t.Errorf("%d rows of %d, pair %d %d: Dot says %v, Products %v", n, size, i, j, got, first[k])
					}
					k++
				}
			}
			for off := range 8 {
				moved := make([][]float32, n)
				for i := range rows {
					moved[i] = place(rows[i], (off*(i+1)+i)%8)
				}
				again := make([]float64, len(first))
				Products(again, moved)
				for k := range again {
					if again[k] != first[k] {
						t.Fatalf("%d rows of %d, moved by %d: got %v; want %v", n, size, off, again[k], first[k])
					}
				}
			}
			twice := append([]float64(nil), first...)
			Products(twice, rows)
			for k := range twice {
				if twice[k] != 2*first[k] {
					t.Errorf("does not add: got %v; want %v", twice[k], 2*first[k])
				}
			}
		}
	}
	Products(nil, nil)
}

func TestAxpy64(t *testing.T) {
	x := weights(1001)
	dst := make([]float64, len(x))
	for i := range dst {
		dst[i] = float64(i) / 3
	}
	Axpy64(dst, 0.3, x)
	for i := range dst {
		p := 0.3 * float64(x[i])
		if want := float64(i)/3 + p; dst[i] != want {
			t.Fatalf("element %d: got %v; want %v", i, dst[i], want)
		}
	}
}

func TestFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.Float32frombits(0x7f800001), math.Float32frombits(0xffffffff)} {
		for n := range 40 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.MaxFloat32
			}
			for i := range x {
				if got := Finite(x); got != i {
					t.Fatalf("%v: got %d of %d; want %d", bad, got, n, i)
				}
				x[i] = bad
			}
		}
	}
	if got := Finite([]float32{math.MaxFloat32, -math.MaxFloat32, 0, math.SmallestNonzeroFloat32, 1}); got != 0 {
		t.Errorf("finite numbers: got %d", got)
	}
}

func ExampleProducts() {
	a, b := []float32{1, 2, 3}, []float32{4, 5, 6}
	gram := make([]float64, 3) // <a,a>, <a,b>, <b,b>
	Products(gram, [][]float32{a, b})
	fmt.Println(gram)
	// Output: [14 32 77]
}

// TestLengths checks that a wrong length is never read or written past.
func TestLengths(t *testing.T) {
	x, b := make([]float32, 3), make([]byte, 5)
	for name, f := range map[string]func(){
		"WidenF16": func() { WidenF16(x, b) }, "WidenBF16": func() { WidenBF16(x, b) },
		"WidenF32": func() { WidenF32(x, b) }, "WidenF64": func() { WidenF64(x, b) },
		"NarrowF16": func() { NarrowF16(b, x) }, "NarrowBF16": func() { NarrowBF16(b, x) },
		"NarrowF32": func() { NarrowF32(b, x) }, "NarrowF64": func() { NarrowF64(b, x) },
		"Dot": func() { Dot(x, x[1:]) }, "Axpy64": func() { Axpy64(make([]float64, 2), 1, x) },
		"Products": func() { Products(make([]float64, 3), [][]float32{x, x[1:]}) }, "Products dst": func() { Products(make([]float64, 2), [][]float32{x, x}) },
		"SumUlp2F16": func() { SumUlp2F16(b) }, "SumUlp2F32": func() { SumUlp2F32(b) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != badLength {
					t.Errorf("got %v; want %q", r, badLength)
				}
			}()
			f()
		})
	}
}

func BenchmarkProducts(b *testing.B) {
	for _, size := range []int{320, 1 << 14, 1 << 18} {
		const n = 9
		all := weights(n * size)
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = all[i*size : (i+1)*size]
		}
		dst := make([]float64, n*(n+1)/2)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(2 * n * size)) // of float16 numbers
			for b.Loop() {
				Products(dst, rows)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*size*len(dst)), "ns/product")
		})
	}
}

func BenchmarkAxpy64(b *testing.B) {
	x, dst := weights(1<<14), make([]float64, 1<<14)
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		Axpy64(dst, 0.1, x)
	}
}

// BenchmarkMix sums up two rows of float16 numbers and stores the sum, as a merge does,
// beside a copy of one.
func BenchmarkMix(b *testing.B) {
	const n = 1 << 10
	rows, out := [2][2 * n]byte{}, make([]byte, 2*n)
	x, sum := weights(n), make([]float64, n)
	for i := range rows {
		NarrowF16(rows[i][:], x)
	}
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(2 * n)
		for b.Loop() {
			copy(out, rows[0][:])
		}
	})
	b.Run("sum", func(b *testing.B) {
		b.SetBytes(2 * n)
		for b.Loop() {
			clear(sum)
			for i, w := range []float64{0.7, 0.3} {
				WidenF16(x, rows[i][:])
				Axpy64(sum, w, x)
			}
			Single(x, sum)
			NarrowF16(out, x)
		}
	})
	b.Run("lerp", func(b *testing.B) {
		y, z := weights(n), make([]float32, n)
		b.SetBytes(2 * n)
		for b.Loop() {
			WidenF16(x, rows[0][:])
			WidenF16(y, rows[1][:])
			Lerp(z, x, y, x, 0.3)
			NarrowF16(out, z)
		}
	})
}

func BenchmarkFinite(b *testing.B) {
	x := weights(1 << 14)
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		Finite(x)
	}
}
