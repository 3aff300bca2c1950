package similarity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mixmatch/merge/checkpoint"
)

// TestAttentionMix checks that the cached score of a mix is that of the mixed
// weights, and of a model alone the calculator's.
func TestAttentionMix(t *testing.T) {
	a, b, c := open(t, "a_fp16"), open(t, "b_fp32"), open(t, "c_bf16")
	models := []*checkpoint.File{b, c}
	heads, err := Heads(layout(t), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []Head{heads[0], heads[2], heads[6]} {
		seeds := []uint64{1, 2, 3}
		mix, err := NewAttentionMix(t.Context(), h, models, a, seeds, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range [][]float64{{1, 0}, {0, 1}, {0.3, 0.7}, {-0.5, 1.5}} {
			want := 0.0
			for _, s := range seeds {
				v, err := h.Mixes(t.Context(), [][]float32{h.Probe(s)}, models, a, [][]float64{w}, 2)
				if err != nil {
					t.Fatal(err)
				}
				want += v[0][0] / 3
			}
			if got := scored(t, mix, w); math.Abs(got-want) > 2e-6 {
				t.Errorf("dimension %d, weights %v: %v, not %v", h.Dim, w, got, want)
			}
		}
		// A calculator's input of its first block is a probe of its seed.
		k := Calculators()[0]
		k.Seed = 3
		rows, err := k.Attention(t.Context(), []Head{h}, a, models, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := h.Mixes(t.Context(), [][]float32{h.Probe(3)}, models, a, [][]float64{{1, 0}, {0, 1}}, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i := range v[0] {
			if math.Abs(v[0][i]-float64(rows[0][i])) > 2e-6 {
				t.Errorf("dimension %d, model %d: %v, not %v", h.Dim, i, v[0][i], rows[0][i])
			}
		}
	}
}

func scored(t testing.TB, a *AttentionMix, w []float64) float64 {
	t.Helper()
	v, err := a.Score(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sloped(t testing.TB, a *AttentionMix, g, w []float64) float64 {
	t.Helper()
	v, err := a.Gradient(t.Context(), g, w)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestGradient compares derivatives with differences.
func TestGradient(t *testing.T) {
	a, b, c := open(t, "a_fp16"), open(t, "b_fp32"), open(t, "c_bf16")
	heads, err := Heads(layout(t), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []Head{heads[0], heads[2], heads[6]} {
		mix, err := NewAttentionMix(t.Context(), h, []*checkpoint.File{a, b, c}, a, []uint64{1, 2, 3, 4}, 1)
		if err != nil {
			t.Fatal(err)
		}
		w, g := []float64{0.3, 0.3, 0.4}, make([]float64, 3)
		if v, want := sloped(t, mix, g, w), scored(t, mix, w); v != want {
			t.Errorf("dimension %d: the value is %v, not %v", h.Dim, v, want)
		}
		shared, err := NewAttentionMix(t.Context(), h, []*checkpoint.File{a, b, c}, a, []uint64{1, 2, 3, 4}, 3)
		if err != nil {
			t.Fatal(err)
		}
		other := make([]float64, 3)
		if v, want := sloped(t, shared, other, w), scored(t, mix, w); v != want || !slices.Equal(other, g) {
			t.Errorf("dimension %d: three threads give %v and %v, one %v and %v", h.Dim, v, other, want, g)
		}
		for k := range w {
			const step = 2e-3
			x := slices.Clone(w)
			x[k] += step
			above := scored(t, mix, x)
			x[k] -= 2 * step
			want := (above - scored(t, mix, x)) / (2 * step)
			if math.Abs(g[k]-want) > 5e-5 {
				t.Errorf("dimension %d: derivative %d is %v, not %v", h.Dim, k, g[k], want)
			}
			t.Logf("dimension %d: derivative %d is %v, by differences %v", h.Dim, k, g[k], want)
		}
	}
}

// TestLargeLogits: however large logits are, a model is like itself.
func TestLargeLogits(t *testing.T) {
	r := newRand(1)
	for _, d := range []int{7, 32, 320} {
		for _, size := range []float64{1, 1e3, 1e5, 1e8} {
			m, x, packed := newProjector(d, 2), make([]float32, d*d), newPackedWeights(d)
			q, k := make([]float32, d*d), make([]float32, d*d)
			for i := range x {
				x[i] = float32(r.NormFloat64())
				q[i], k[i], packed.v[i] = float32(r.NormFloat64()*size), float32(r.NormFloat64()*size), float32(r.NormFloat64())
			}
			h := Head{Dim: d}
			p, target := m.newProjection(), make([]float32, d*d)
			m.fill(packed.q, q)
			m.fill(packed.k, k)
			m.project(p, packed, h.input(x))
			m.attend(target, p)
			for name, cos := range map[string][]float32{
				"cosines": m.cosines(target, target), "compare": m.compare(p, target, make([]float32, d*d)),
			} {
				if v := mean(cos); math.Abs(v-1) > 1e-6 {
					t.Errorf("width %d, weights of %g: %s are %v on average", d, size, name, v)
				}
			}
		}
	}
}

func TestExpf(t *testing.T) {
	for x := float32(0); x > -87; x -= 0.000371 {
		want := math.Exp(float64(x))
		if got := float64(expf(x)); math.Abs(got-want) > 2.5e-7*want {
			t.Fatalf("expf(%v) is %v, not %v", x, got, want)
		}
	}
	if expf(0) != 1 || expf(-200) != 0 || expf(float32(math.Inf(-1))) != 0 {
		t.Errorf("expf(0) = %v, expf(-200) = %v", expf(0), expf(-200))
	}
}

func TestMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := 1; n < 3000; n += 1 + n/20 {
		x := make([]float32, n)
		want := 0.0
		for i := range x {
			x[i] = r.Float32()
			want += float64(x[i]) / float64(n)
		}
		if got := float64(Mean(x)); math.Abs(got-want) > 3e-7*want {
			t.Errorf("mean of %d is %v, not %v", n, got, want)
		}
	}
}

// BenchmarkAttentionMix scores one mix of eight models with one probe, beside
// the product that no way of computing it can do without.
func BenchmarkAttentionMix(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, d := range []int{320, 640, 1280} {
		square := func(n int, scale float64) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64() * scale)
			}
			return x
		}
		const models = 8
		a := &AttentionMix{d: d, desks: []*mixDesk{newMixDesk(d, models)}}
		p := probe{target: square(d*d, 0.1)}
		w, g := make([]float64, models), make([]float64, models)
		for i := range models {
			// Logits of the size that real weights give.
			p.q, p.k, p.v = append(p.q, square(d*d, 1)), append(p.k, square(d*d, 1)), append(p.v, square(d, 1))
			w[i] = 0.3
		}
		a.probes = []probe{p}
		b.Run(fmt.Sprintf("d%d", d), func(b *testing.B) {
			var mixing, bare, slope time.Duration
			for b.Loop() {
				start := time.Now()
				scored(b, a, w)
				scored := time.Now()
				a.desks[0].projector.multiply(a.desks[0].out, p.q[0], a.desks[0].mix.k)
				multiplied := time.Now()
				sloped(b, a, g, w)
				mixing += scored.Sub(start)
				bare += multiplied.Sub(scored)
				slope += time.Since(multiplied)
			}
			b.ReportMetric(float64(slope)/float64(mixing), "gradient/candidate")
			b.ReportMetric(float64(mixing)/float64(bare), "candidate/product")
			b.ReportMetric(mixing.Seconds()*1e3/float64(b.N), "ms/candidate")
			b.ReportMetric(2*float64(d*d*d)*float64(b.N)/bare.Seconds()/1e9, "GFLOP/s")
		})
	}
}

// TestMixEnds: what is stopped gives no number.
func TestMixEnds(t *testing.T) {
	a := open(t, "a_fp16")
	heads, err := Heads(layout(t), a)
	if err != nil {
		t.Fatal(err)
	}
	mix, err := NewAttentionMix(t.Context(), heads[0], []*checkpoint.File{a}, a, []uint64{1, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mix.Score(ctx, []float64{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Score: %v", err)
	}
	if _, err := mix.Gradient(ctx, []float64{0}, []float64{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Gradient: %v", err)
	}
	if _, err := heads[0].Mixes(ctx, [][]float32{heads[0].Probe(1)}, []*checkpoint.File{a}, a, [][]float64{{1}}, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("Mixes: %v", err)
	}
	if _, err := NewAttentionMix(ctx, heads[0], []*checkpoint.File{a}, a, []uint64{1}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("NewAttentionMix: %v", err)
	}
}
