package lowrank

import (
	"context"
	"math"
	"testing"
)

// TestOutside compares the products outside of some directions with those of
// matrices that the directions were taken out of one by one.
func TestOutside(t *testing.T) {
	const m, n, r = 40, 70, 5
	f := Find(context.Background(), planted(1, m, n, r, 20, 1.1), 1e-6, 0)
	if f.Rank != r {
		t.Fatalf("rank %d", f.Rank)
	}
	some := []Matrix{planted(2, m, n, 3, 10, 1), planted(1, m, n, r, 15, 1.1), planted(4, m, n, 0, 0, 0)}
	shadows := f.NewShadows(len(some), m, n)
	var p []float64
	var rows [][]float64
	for i, x := range some {
		shadows[i].Add(x.Data[:17*n], 0)
		shadows[i].Add(x.Data[17*n:], 17)
		rows = append(rows, without(x, f))
		for _, y := range some[i:] {
			sum := 0.0
			for k, v := range x.Data {
				sum += float64(v) * float64(y.Data[k])
			}
			p = append(p, sum)
		}
	}
	Outside(p, shadows)
	k := 0
	for i, x := range rows {
		for _, y := range rows[i:] {
			want, size := 0.0, 0.0
			for l, v := range x {
				want += v * y[l]
				size += math.Abs(v * y[l])
			}
			if math.Abs(p[k]-want) > 1e-4*size {
				t.Errorf("product %d is %v; want %v", k, p[k], want)
			}
			k++
		}
	}
}

// without returns (1-UU') A (1-VV').
func without(a Matrix, f *Found) []float64 {
	x := make([]float64, len(a.Data))
	for i, v := range a.Data {
		x[i] = float64(v)
	}
	r := f.Rank
	for k := range r {
		for j := range a.Cols {
			sum := 0.0
			for i := range a.Rows {
				sum += float64(f.U[i*r+k]) * x[i*a.Cols+j]
			}
			for i := range a.Rows {
				x[i*a.Cols+j] -= sum * float64(f.U[i*r+k])
			}
		}
		for i := range a.Rows {
			sum := 0.0
			for j := range a.Cols {
				sum += float64(f.V[j*r+k]) * x[i*a.Cols+j]
			}
			for j := range a.Cols {
				x[i*a.Cols+j] -= sum * float64(f.V[j*r+k])
			}
		}
	}
	return x
}
