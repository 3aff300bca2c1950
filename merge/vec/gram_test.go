package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// differences returns rows and what they are measured from.
func differences(r *rand.Rand, rows, n int) (x [][]float32, base []float32) {
	base = matrix(r, n)
	for range rows {
		y := matrix(r, n)
		for i := range y {
			y[i] = base[i] + y[i]*float32(math.Ldexp(1, r.IntN(40)-30))
		}
		x = append(x, place(y, r.IntN(7)))
	}
	return x, base
}

// TestGram compares every sum with that of Dot, to the bit, at all numbers of rows
// and lengths, by all kernels there are.
func TestGram(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	everyKernel(t, func(t *testing.T) {
		for rows := range 14 {
			for _, n := range []int{0, 1, 7, 8, 9, 23, 511, 512, 513, 1024, 1283} {
				x, base := differences(r, rows, n)
				g := NewGram(rows)
				for range 2 { // the second time after Reset
					g.Reset()
					for at := 0; at < n; at += GramChunk {
						end := min(n, at+GramChunk)
						for i, row := range x {
							if i == 0 {
								g.Put(i, row[at:end], nil)
							} else {
								g.Put(i, row[at:end], base[at:end])
							}
						}
						g.Add(nil)
					}
				}
				for i := range x {
					if i > 0 {
						Sub(x[i], base)
					}
				}
				for j := range x {
					for i := range j + 1 {
						if got, want := g.Sum(i, j), Dot(x[i], x[j]); got != want {
							t.Fatalf("%d rows of %d, pair %d %d: %v; want %v", rows, n, i, j, got, want)
						}
					}
				}
			}
		}
	})
}

// TestGramF16 puts rows as they are stored.
func TestGramF16(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	everyKernel(t, func(t *testing.T) {
		for n := range 70 {
			x, base := differences(r, 2, n)
			stored := make([]byte, 2*n+1)[1:] // at an odd place
			NarrowF16(stored, x[1])
			WidenF16(x[1], stored)
			g := NewGram(2)
			g.Put(0, x[0], nil)
			g.PutF16(1, stored, base)
			g.Add(nil)
			Sub(x[1], base)
			for i := range x {
				if got, want := g.Sum(i, 1), Dot(x[i], x[1]); got != want {
					t.Fatalf("%d numbers: %v; want %v", n, got, want)
				}
			}
		}
	})
}

// TestGramTiles leaves out tiles that nobody asks for.
func TestGramTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, n = 11, 40
	x, _ := differences(r, rows, n)
	g := NewGram(rows)
	needed := make([]bool, g.Tiles())
	needed[g.Tile(2, 9)] = true
	for i := range x {
		g.Put(i, x[i], nil)
	}
	g.Add(needed)
	if got, want := g.Sum(2, 9), Dot(x[2], x[9]); got != want {
		t.Errorf("%v; want %v", got, want)
	}
	if g.Sum(2, 3) != 0 {
		t.Error("a tile that nobody needs is summed")
	}
}

func BenchmarkGram(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, rows := range []int{7, 9, 40, 200} {
		x, base := differences(r, rows, GramChunk)
		g := NewGram(rows)
		run := func(b *testing.B, put, add bool) {
			b.SetBytes(int64(2 * rows * GramChunk)) // of float16 numbers
			for b.Loop() {
				for i := range x {
					if put {
						g.Put(i, x[i], base)
					}
				}
				if add {
					g.Add(nil)
				}
			}
		}
		b.Run(fmt.Sprint("whole/", rows), func(b *testing.B) { run(b, true, true) })
		b.Run(fmt.Sprint("put/", rows), func(b *testing.B) { run(b, true, false) })
		b.Run(fmt.Sprint("add/", rows), func(b *testing.B) {
			run(b, false, true)
			b.ReportMetric(2*float64(triangle(rows)*GramChunk*b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
