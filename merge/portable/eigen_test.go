package portable

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestEigen checks that the vectors are orthonormal and make the matrix again.
func TestEigen(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	matrices := map[string][]float64{}
	for _, n := range []int{0, 1, 2, 3, 4, 7, 40, 101} {
		matrices[fmt.Sprintf("random %d", n)] = symmetric(r, n)
		zero, one, ones, low, spread := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
		u, v := symmetric(r, n), symmetric(r, n)
		for i := range n {
			one[i*n+i] = 1
			for j := range n {
				ones[i*n+j] = 1
				low[i*n+j] = float64(u[i]*u[j]) - float64(v[i]*v[j])
				spread[i*n+j] = math.Ldexp(u[i*n+j], -i-j)
			}
		}
		matrices[fmt.Sprintf("zero %d", n)] = zero
		matrices[fmt.Sprintf("identity %d", n)] = one
		matrices[fmt.Sprintf("ones %d", n)] = ones
		matrices[fmt.Sprintf("of rank two %d", n)] = low
		matrices[fmt.Sprintf("spread %d", n)] = spread
		for name, factor := range map[string]float64{"tiny": 1e-300, "huge": 1e300} {
			scaled := slices.Clone(u)
			for i := range scaled {
				scaled[i] *= factor
			}
			matrices[fmt.Sprintf("%s %d", name, n)] = scaled
		}
	}
	for name, a := range matrices {
		n := int(math.Sqrt(float64(len(a))))
		values, vectors, ok := Eigen(a, n)
		if !ok || len(values) != n || len(vectors) != n*n {
			t.Errorf("%s: %v, %d values", name, ok, len(values))
			continue
		}
		largest := 0.0
		for _, v := range a {
			largest = max(largest, math.Abs(v))
		}
		for i := range n {
			if i > 0 && values[i] > values[i-1] {
				t.Errorf("%s: value %d is greater than the one before", name, i)
			}
			for j := range n {
				again, product := 0.0, 0.0
				for k := range n {
					again += values[k] * vectors[k*n+i] * vectors[k*n+j]
					product += vectors[i*n+k] * vectors[j*n+k]
				}
				if math.Abs(again-a[i*n+j]) > 1e-14*float64(n)*largest {
					t.Fatalf("%s: %d, %d is %v, not %v", name, i, j, again, a[i*n+j])
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(product-want) > 1e-14*float64(n) {
					t.Fatalf("%s: the product of vectors %d and %d is %v", name, i, j, product)
				}
			}
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		if _, _, ok := Eigen([]float64{1, bad, bad, 1}, 2); ok {
			t.Errorf("%v is no matrix", bad)
		}
	}
}

func TestSolve(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 30 {
		half := symmetric(r, n)
		a, b := make([]float64, n*n), make([]float64, n)
		for i := range n {
			b[i] = r.Float64()
			for j := range n {
				for k := range n {
					a[i*n+j] += half[i*n+k] * half[j*n+k]
				}
			}
			a[i*n+i] += 0.1
		}
		x, inverse, ok := Solve(a, b)
		if !ok {
			t.Fatalf("%d: not solved", n)
		}
		for i := range n {
			ax := 0.0
			for j := range n {
				ax += a[i*n+j] * x[j]
				one := 0.0
				for k := range n {
					one += a[i*n+k] * inverse[k*n+j]
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(one-want) > 1e-10 {
					t.Errorf("%d: a times its inverse is %v at %d, %d", n, one, i, j)
				}
			}
			if math.Abs(ax-b[i]) > 1e-11 {
				t.Errorf("%d: row %d is %v, not %v", n, i, ax, b[i])
			}
		}
	}
	for _, a := range [][]float64{{0}, {-1}, {math.NaN()}, {math.Inf(1)}, {1, 1, 1, 1}, {1, 2, 2, 1}} {
		if _, _, ok := Solve(a, make([]float64, int(math.Sqrt(float64(len(a)))))); ok {
			t.Errorf("%v is solved", a)
		}
	}
}

func BenchmarkEigen(b *testing.B) {
	for _, n := range []int{32, 320} {
		a := symmetric(rand.New(rand.NewPCG(1, 2)), n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Eigen(a, n)
			}
		})
	}
}
