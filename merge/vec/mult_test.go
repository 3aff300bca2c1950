package vec

import (
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"
)

// matrix returns n numbers of either sign, around 1.
func matrix(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// fused returns x*y + z rounded once, to float32: rounding to odd in float64
// first keeps the second rounding from being misled.
func fused(x, y, z float32) float32 {
	p := float64(x) * float64(y) // exact
	s := p + float64(z)
	t := s - p
	if lost := (p - (s - t)) + (float64(z) - t); lost != 0 && math.Float64bits(s)&1 == 0 {
		s = math.Nextafter(s, math.Copysign(math.Inf(1), lost))
	}
	return float32(s)
}

// plain is a product in plain loops.
func plain(o Order, c, a, b []float32, m, n, k int) {
	for i := range m {
		for j := range n {
			total := float32(0)
			for l := 0; l < k; l += o.block(k) {
				sum := float32(0)
				for h := l; h < min(l+o.block(k), k); h++ {
					x, y := a[i*k+h], b[j*k+h]
					if o == Fused {
						sum = fused(x, y, sum)
					} else {
						sum += float32(x * y)
					}
				}
				if l == 0 {
					total = sum
				} else {
					total += sum
				}
			}
			c[i*n+j] = total
		}
	}
}

var sizes = [][3]int{
	{1, 1, 1},
	{3, 4, 8},
	{4, 16, 1},
	{4, 15, 9},
	{5, 17, 33},
	{6, 48, 191},
	{8, 48, 192},
	{9, 49, 193},
	{7, 90, 320},
	{11, 16, 383},
	{29, 70, 384},
	{31, 101, 641},
	{430, 50, 1280},
	{80, 80, 80},
	{70, 66, 200},
	{0, 3, 3},
	{3, 3, 0},
	{3, 0, 3},
	{3, 64, 0},
}

// TestMulT compares each kernel of this machine, and what there is on every machine,
// with plain loops, to the bit.
func TestMulT(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, o := range []Order{Fused, InOrder} {
		tried := map[int]bool{}
		for _, s := range sizes {
			m, n, k := s[0], s[1], s[2]
			a, b := matrix(r, m*k), matrix(r, n*k)
			want := make([]float32, m*n)
			plain(o, want, a, b, m, n, k)
			check := func(name string, multiply func(c []float32)) {
				c := matrix(r, m*n)
				multiply(c)
				for i, v := range c {
					if v != want[i] {
						t.Fatalf("order %d, %v: %s: element %d is %v, not %v", o, s, name, i, v, want[i])
					}
				}
			}
			check("MulT", func(c []float32) {
				p := NewPacked(o, n, k)
				p.Fill(b, 0, p.Panels())
				p.MulT(c, a, m)
			})
			if m*n*k > 0 {
				check("generic", func(c []float32) { generic(o, c, a, b, m, n, k) })
			}
			for _, q := range kernels(o) {
				if n < q.cols {
					continue
				}
				p := &Packed{order: o, n: n, k: k, kernel: &q}
				p.data = make([]float32, p.Panels()*q.cols*k)
				p.Fill(b, 0, p.Panels())
				check(fmt.Sprintf("kernel of %d columns", q.cols), func(c []float32) { p.MulT(c, a, m) })
				tried[q.cols] = true
			}
		}
		if len(tried) != len(kernels(o)) {
			t.Errorf("order %d: tried %d of %d kernels", o, len(tried), len(kernels(o)))
		}
	}
}

// TestFusedIsMKL compares the order of sums with PyTorch's: the first 24 rows and
// columns of torch.nn.functional.linear(a, b), d x d each, as torch 2.15.0 with
// MKL 2024.2 computes them with MKL_ENABLE_INSTRUCTIONS=AVX2 on a Xeon. (The
// checksums are those of numpy's bytes in zlib.crc32; the matrices are hashes.)
func TestFusedIsMKL(t *testing.T) {
	const corner = 24
	for d, want := range map[int]uint32{320: 0x455893e2, 640: 0xb483903f, 1280: 0xabbd7de0} {
		hashed := func(seed int) []float32 {
			x := make([]float32, corner*d)
			for i := range x {
				h := uint32(i+seed*d*d) * 2654435761
				h = (h ^ h>>15) * 2246822519
				h ^= h >> 13
				x[i] = float32(h>>8)/(1<<23) - 1
			}
			return x
		}
		c := make([]float32, corner*corner)
		plain(Fused, c, hashed(1), hashed(2), corner, corner, d)
		b := make([]byte, 4*len(c))
		NarrowF32(b, c)
		if got := crc32.ChecksumIEEE(b); got != want {
			t.Errorf("%d: checksum %#x, not %#x; the first is %v", d, got, want, c[0])
		}
	}
}

// BenchmarkMulT multiplies on all processors, as rows come, beside each kernel
// alone: a tile again and again, with all it needs in the first-level cache. Peak is
// the share of that speed.
func BenchmarkMulT(b *testing.B) {
	threads := runtime.GOMAXPROCS(0)
	together := func(do func(thread int)) time.Duration {
		start := time.Now()
		var wait sync.WaitGroup
		for i := range threads {
			wait.Go(func() { do(i) })
		}
		wait.Wait()
		return time.Since(start)
	}
	for _, d := range []int{320, 640, 1280} {
		r := rand.New(rand.NewPCG(1, 2))
		x, y, z := matrix(r, d*d), matrix(r, d*d), make([]float32, d*d)
		for o, name := range []string{"fused", "inorder"} {
			for _, q := range kernels(Order(o)) {
				p := &Packed{order: Order(o), n: d, k: d, kernel: &q}
				p.data = make([]float32, p.Panels()*q.cols*d)
				p.Fill(y, 0, p.Panels())
				b.Run(fmt.Sprintf("%s%d-%d", name, q.cols, d), func(b *testing.B) {
					var product, tiles time.Duration
					const part, block = 96, 192
					count := d * d * d / (q.rows * q.cols * block) / threads
					for b.Loop() {
						product += together(func(thread int) {
							for i := thread * part; i < d; i += threads * part {
								end := min(i+part, d)
								p.MulT(z[i*d:end*d], x[i*d:end*d], end-i)
							}
						})
						tiles += together(func(int) {
							c, s, t := make([]float32, q.rows*q.cols), make([]float32, q.rows*block), make([]float32, q.cols*block)
							for range count {
								q.run(&c[0], q.cols, &s[0], block, block, &t[0], 0, 0)
							}
						})
					}
					b.ReportMetric(2*float64(d*d*d)*float64(b.N)/product.Seconds()/1e9, "GFLOP/s")
					b.ReportMetric(float64(tiles)/float64(product), "peak")
				})
			}
		}
	}
}
