package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// matrix returns n numbers of either sign, around 1.
func matrix(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestMulT(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sizes := [][3]int{
		{1, 1, 1},
		{3, 4, 8},
		{3, 4, 7},
		{2, 9, 16},
		{9, 3, 16},
		{4, 5, 9},
		{5, 7, 33},
		{20, 20, 20},
		{40, 40, 40},
		{31, 101, 641},
		{8, 97, 1283},
		{3, 200, 640},
		{100, 98, 64},
		{0, 3, 3},
		{3, 3, 0},
	}
	for _, s := range sizes {
		m, n, k := s[0], s[1], s[2]
		a, b := matrix(r, m*k), matrix(r, n*k)
		c, g := matrix(r, m*n), matrix(r, m*n)
		MulT(c, a, b, m, n, k)
		if k > 0 && m > 0 {
			mulTGeneric(g, a, b, m, n, k)
		} else {
			clear(g)
		}
		for i := range m {
			for j := range n {
				want, size := 0.0, 0.0
				for l := range k {
					p := float64(a[i*k+l]) * float64(b[j*k+l])
					want += p
					size += math.Abs(p)
				}
				for name, v := range map[string]float32{"MulT": c[i*n+j], "generic": g[i*n+j]} {
					if math.Abs(float64(v)-want) > 1e-6*size {
						t.Fatalf("%v: %s (%d,%d) is %v, not %v", s, name, i, j, v, want)
					}
				}
			}
		}
		// Enough rows on their own give the same bits.
		if n < 16 || m < 9 {
			continue
		}
		d := make([]float32, 6*n)
		MulT(d, a[3*k:9*k], b, 6, n, k)
		for i, v := range d {
			if v != c[3*n+i] {
				t.Fatalf("%v: element %d of rows 3 to 8 is %v, not %v", s, i, v, c[3*n+i])
			}
		}
	}
}

// TestMulTInOrder compares with plain loops, to the bit.
func TestMulTInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sizes := [][3]int{
		{1, 1, 1},
		{4, 16, 1},
		{4, 16, 8},
		{3, 16, 9},
		{4, 15, 9},
		{5, 17, 33},
		{20, 20, 20},
		{80, 80, 80},
		{7, 40, 130},
		{70, 66, 200},
		{0, 3, 3},
		{3, 3, 0},
	}
	for _, s := range sizes {
		m, n, k := s[0], s[1], s[2]
		a, b := matrix(r, m*k), matrix(r, n*k)
		want := make([]float32, m*n)
		for i := range m {
			for j := range n {
				for l := range k {
					want[i*n+j] += float32(a[i*k+l] * b[j*k+l])
				}
			}
		}
		funcs := map[string]func(c, a, b []float32, m, n, k int){"MulTInOrder": MulTInOrder}
		if runtime.GOARCH == "amd64" && m > 0 && k > 0 {
			funcs["generic"] = mulTInOrderGeneric
		}
		for name, f := range funcs {
			c := matrix(r, m*n)
			f(c, a, b, m, n, k)
			for i, v := range c {
				if v != want[i] && runtime.GOARCH == "amd64" || math.Abs(float64(v-want[i])) > 1e-4 {
					t.Fatalf("%v: %s: element %d is %v, not %v", s, name, i, v, want[i])
				}
			}
		}
	}
}

func BenchmarkMulT(b *testing.B) {
	for _, d := range []int{320, 640, 1280} {
		r := rand.New(rand.NewPCG(1, 2))
		x, y, z := matrix(r, d*d), matrix(r, d*d), make([]float32, d*d)
		for name, f := range map[string]func(c, a, b []float32, m, n, k int){
			"fast": mulT, "generic": mulTGeneric, "inorder": mulTInOrder, "inordergeneric": mulTInOrderGeneric,
		} {
			b.Run(fmt.Sprintf("%s-%d", name, d), func(b *testing.B) {
				for b.Loop() {
					f(z, x, y, d, d, d)
				}
				b.ReportMetric(2*float64(d*d*d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

func TestCombine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 4096, 10000} {
		rows := [][]float32{matrix(r, n), matrix(r, n), matrix(r, n)}
		w := []float32{0.5, 0, -1.25}
		dst := matrix(r, n)
		Combine(dst, w, rows)
		for i, v := range dst {
			want := 0.5*float64(rows[0][i]) - 1.25*float64(rows[2][i])
			if math.Abs(float64(v)-want) > 1e-6 {
				t.Fatalf("%d elements: element %d is %v, not %v", n, i, v, want)
			}
		}
	}
}
