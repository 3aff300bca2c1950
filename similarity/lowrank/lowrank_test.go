package lowrank

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// planted returns noise of standard deviation 0.001 with r directions in it. The
// weakest is strength times the edge of the noise, each stronger one decay
// times the one before.
func planted(seed uint64, m, n, r int, strength, decay float64) Matrix {
	rd := rand.New(rand.NewPCG(seed, 9))
	a := Matrix{m, n, make([]float32, m*n)}
	for i := range a.Data {
		a.Data[i] = float32(1e-3 * rd.NormFloat64())
	}
	e := 1e-3 * (math.Sqrt(float64(m)) + math.Sqrt(float64(n)))
	for k := range r {
		u, v := unit(rd, m), unit(rd, n)
		size := strength * e * math.Pow(decay, float64(r-1-k))
		for i, x := range u {
			for j, y := range v {
				a.Data[i*n+j] += float32(size * x * y)
			}
		}
	}
	return a
}

func unit(rd *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	sum := 0.0
	for i := range x {
		x[i] = rd.NormFloat64()
		sum += x[i] * x[i]
	}
	for i := range x {
		x[i] /= math.Sqrt(sum)
	}
	return x
}

// TestFindRank plants ranks over many seeds, from where they stand three times
// clear of the noise to where they are all that is to be seen. The noise is
// known, or as if every one of ten steps had rounded, or not at all.
func TestFindRank(t *testing.T) {
	for _, c := range []struct{ m, n, r, seeds int }{
		{16, 16, 2, 60},
		{16, 64, 3, 60},
		{24, 24, 3, 60},
		{32, 32, 4, 60},
		{64, 24, 4, 60},
		{64, 64, 8, 40},
		{160, 160, 16, 5},
		{320, 320, 4, 4},
		{320, 320, 32, 3},
		{320, 768, 64, 1},
		{640, 640, 8, 1},
		{320, 2880, 16, 1},
		{1280, 1280, 16, 1},
		{1280, 320, 64, 1},
	} {
		if testing.Short() {
			if c.seeds = (c.seeds + 3) / 4; c.m*c.n > 1<<17 {
				continue
			}
		}
		for _, strength := range []float64{3, 30, 1000} {
			for _, known := range []float64{1, 0.1, 0} {
				right := 0
				for seed := range c.seeds {
					a := planted(uint64(seed), c.m, c.n, c.r, strength, 1.05)
					if Find(context.Background(), a, known*1e-6, 0).Rank == c.r {
						right++
					}
				}
				if float64(right) < math.Floor(0.95*float64(c.seeds)) {
					t.Errorf("%v, %v times the edge, noise known to %v: rank right %d times", c, strength, known, right)
				}
			}
		}
	}
}

// TestFindNothing: in noise of known and unknown level there is no rank, and
// neither in what a model trained on its own would leave, strong or hardly
// above rounding, whether its singular values are even or fall.
func TestFindNothing(t *testing.T) {
	for _, c := range []struct{ m, n, seeds int }{
		{16, 16, 200},
		{16, 64, 200},
		{24, 24, 200},
		{32, 32, 200},
		{64, 64, 50},
		{64, 24, 50},
		{160, 160, 10},
		{320, 320, 5},
		{320, 768, 5},
		{320, 2880, 2},
		{1280, 1280, 1},
	} {
		for _, known := range []float64{1, 0.1, 0.01, 0} {
			wrong := 0
			for seed := range c.seeds {
				a := planted(uint64(seed)+1000, c.m, c.n, 0, 0, 0)
				if Find(context.Background(), a, known*1e-6, 0).Rank > 0 {
					wrong++
				}
			}
			if wrong > c.seeds/100 {
				t.Errorf("%v: noise known to %v has a rank %d times", c, known, wrong)
			}
		}
	}
	for _, c := range [][2]int{{64, 64}, {160, 320}, {320, 320}, {320, 768}} {
		for _, power := range []float64{0.3, 0.5, 0.8, 1} {
			for seed := range 3 {
				if f := Find(context.Background(), falling(uint64(seed), c[0], c[1], power), 1e-9, 0); f.Rank > 0 {
					t.Errorf("%v: values like i^-%v have rank %d, gap %v", c, power, f.Rank, f.Gap)
				}
			}
		}
	}
}

// falling returns a matrix whose singular values fall like i^-power.
func falling(seed uint64, m, n int, power float64) Matrix {
	rd := rand.New(rand.NewPCG(seed, 5))
	k := min(m, n)
	u, v := make([]float32, m*k), make([]float32, n*k)
	for i := range u {
		u[i] = float32(rd.NormFloat64() * math.Pow(float64(i%k+1), -power) / math.Sqrt(float64(m)))
	}
	for i := range v {
		v[i] = float32(rd.NormFloat64() / math.Sqrt(float64(n)))
	}
	a := Matrix{m, n, make([]float32, m*n)}
	p, _ := pack(v, n, k)
	p.MulT(a.Data, u, m)
	return a
}

// TestFindPastDense: a LoRA is seen also where the rest is a dense difference
// that falls, far above rounding: a source is missing, too.
func TestFindPastDense(t *testing.T) {
	for seed := range 5 {
		a := falling(uint64(seed), 320, 320, 0.4)
		for i := range a.Data {
			a.Data[i] *= 1e-3
		}
		strong := planted(uint64(seed), 320, 320, 8, 100, 1.05)
		for i, v := range strong.Data {
			a.Data[i] += v
		}
		if f := Find(context.Background(), a, 1e-10, 0); f.Rank != 8 {
			t.Errorf("rank %d, gap %v; want 8", f.Rank, f.Gap)
		}
	}
}

func TestFindEdges(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {0, 5}, {5, 0}, {1, 1}, {1, 40}, {3, 2}, {320, 320}, {400, 300}} {
		a := Matrix{c[0], c[1], make([]float32, c[0]*c[1])}
		if f := Find(context.Background(), a, 1e-6, 0); f.Rank != 0 || f.Outside != 0 {
			t.Errorf("zeros %v: %+v", c, f)
		}
		for i := range a.Data {
			a.Data[i] = float32(i%7) - 3
		}
		Find(context.Background(), a, 0, 0)
		if f := Best(context.Background(), a, 2); f.Rank > min(2, c[0], c[1]) {
			t.Errorf("%v: best of rank 2 has %d", c, f.Rank)
		}
	}
	// Without any noise, and once more on the side of the many columns.
	for _, c := range [][3]int{{64, 48, 5}, {400, 300, 5}, {300, 400, 60}} {
		a := planted(1, c[0], c[1], c[2], 100, 1)
		noise := planted(1, c[0], c[1], 0, 0, 0)
		for i, v := range noise.Data {
			a.Data[i] -= v
		}
		f := Find(context.Background(), a, 0, 0)
		if f.Rank != c[2] || f.Outside > 1e-7*f.Energy {
			t.Errorf("%v without noise: rank %d, outside %v of %v", c, f.Rank, f.Outside, f.Energy)
		}
	}
}

// TestFound checks the parts against the matrix: the directions are orthonormal,
// and what is outside is what subtracting them leaves.
func TestFound(t *testing.T) {
	for _, c := range [][3]int{{40, 64, 4}, {64, 40, 4}, {320, 200, 12}, {200, 320, 12}} {
		a := planted(3, c[0], c[1], c[2], 10, 1.2)
		for _, f := range []*Found{Find(context.Background(), a, 1e-6, 0), Best(context.Background(), a, c[2])} {
			if f.Rank != c[2] {
				t.Fatalf("%v: rank %d", c, f.Rank)
			}
			for name, x := range map[string][]float32{"U": f.U, "V": f.V} {
				for i := range f.Rank {
					for j := range f.Rank {
						sum := 0.0
						for l := i; l < len(x); l += f.Rank {
							sum += float64(x[l]) * float64(x[l-i+j])
						}
						if i == j {
							sum--
						}
						if math.Abs(sum) > 1e-5 {
							t.Errorf("%v: %s has columns %d and %d with product %v", c, name, i, j, sum)
						}
					}
				}
			}
			rest := 0.0
			for i := range a.Rows {
				for j := range a.Cols {
					x := float64(a.Data[i*a.Cols+j])
					for l, s := range f.S {
						x -= s * float64(f.U[i*f.Rank+l]) * float64(f.V[j*f.Rank+l])
					}
					rest += x * x
				}
			}
			if math.Abs(rest-f.Outside) > 1e-4*rest {
				t.Errorf("%v: %v outside; want %v", c, f.Outside, rest)
			}
			if n := f.Noise(a); math.Abs(n-1e-6) > 1e-7 {
				t.Errorf("%v: noise %v", c, n)
			}
		}
	}
}

// TestRepeats: equal bits in every run, on one thread and on many.
func TestRepeats(t *testing.T) {
	a := planted(5, 400, 330, 60, 5, 1.05)
	want := Find(context.Background(), a, 1e-6, 0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, threads := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(threads)
		got := Find(context.Background(), a, 1e-6, 0)
		if !slices.Equal(got.U, want.U) || !slices.Equal(got.S, want.S) || !slices.Equal(got.V, want.V) || got.Outside != want.Outside {
			t.Errorf("%d threads: not the same", threads)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	for _, c := range [][3]int{{320, 320, 16}, {1280, 1280, 0}, {1280, 1280, 16}, {1280, 1280, 64}, {1280, 11520, 0}, {1280, 11520, 16}} {
		b.Run(fmt.Sprintf("%dx%d rank %d", c[0], c[1], c[2]), func(b *testing.B) {
			a := planted(1, c[0], c[1], c[2], 5, 1)
			b.SetBytes(int64(4 * len(a.Data)))
			for b.Loop() {
				if Find(context.Background(), a, 1e-6, 0).Rank != c[2] {
					b.Fatal("another rank")
				}
			}
		})
	}
}

// TestFindEnds: what is stopped comes back, with nothing.
func TestFindEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := planted(1, 400, 300, 8, 20, 1.1)
	if f := Find(ctx, a, 1e-6, 0); f.Rank != 8 {
		t.Fatalf("rank %d", f.Rank)
	}
	cancel()
	for _, f := range []*Found{Find(ctx, a, 1e-6, 0), Best(ctx, a, 8)} {
		if f.Rank != 0 || f.U != nil {
			t.Errorf("rank %d after the end", f.Rank)
		}
	}
}
