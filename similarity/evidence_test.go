package similarity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/block"
)

// A family is models in the blocks of a few tensors each, with deltas that share a
// direction; the target is rounded to a grid of width ulp.
type family struct {
	keys []string
	ulp  float64
}

func newFamily() *family {
	f := &family{ulp: 1e-3}
	for _, b := range []string{"input_blocks.1", "input_blocks.4", "middle_block", "output_blocks.3", "output_blocks.7"} {
		in, at := ".0", ".1"
		for _, k := range []string{in + ".in_layers.2.weight", in + ".out_layers.3.weight", at + ".transformer_blocks.0.attn1.to_q.weight", at + ".transformer_blocks.0.ff.net.2.weight"} {
			f.keys = append(f.keys, "model.diffusion_model."+b+k)
		}
	}
	return f
}

// plant draws n models, the first the base, and one more, and a target that holds
// weights of the models and a weight, hidden, of the one more. Its tensors of
// attention have noise added.
func (f *family) plant(r *rand.Rand, n int, weights []float64, hidden, noise float64) *Blocks {
	w := newWorld(r, n+1, 1500, f.keys...)
	w.names = w.names[:n]
	for t := range f.keys {
		w.mix(r, t, append(slices.Clone(weights), hidden), 0)
		w.models[t] = w.models[t][:n]
		for k := range w.targets[t] {
			if noise > 0 && kindIs(f.keys[t], attention) {
				w.targets[t][k] += float64(noise * r.NormFloat64())
			}
			w.targets[t][k] = math.Round(w.targets[t][k]/f.ulp) * f.ulp
		}
	}
	g := w.gram(f.ulp * f.ulp / 12)
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		panic(err)
	}
	return g.Blocks(l)
}

func kindIs(key string, want kind) bool {
	k, ok := kindOf(key)
	return ok && k == want
}

func weigh(t *testing.T, b *Blocks, ids []block.ID, base int) *Evidence {
	t.Helper()
	e, err := b.Weigh(t.Context(), ids, base)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (b *Blocks) ids() (ids []block.ID) {
	for id := range b.Layout.Blocks().All() {
		if b.Has(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestWeigh plants mixes with all models there and with one missing.
func TestWeigh(t *testing.T) {
	truth := []float64{-.3, .5, .4, .25, 0, 0, 0, 0}
	within, cells := 0, 0
	for seed := range uint64(10) {
		r := newRand(50 + seed)
		b := newFamily().plant(r, 8, append(append([]float64{}, truth[:3]...), .4, 0, 0, 0, 0), 0, 0)
		e := weigh(t, b, b.ids(), 0)
		if !e.Exact || e.Unknown != nil {
			t.Errorf("seed %d: all there: exact %v, unknown %+v", seed, e.Exact, e.Unknown)
		}
		for i, m := range e.Models {
			if want := map[bool]Standing{true: In, false: Out}[i < 4]; m.Standing != want {
				t.Errorf("seed %d: all there: model %d is %s, want %s", seed, i, m.Standing, want)
			}
		}
		b = newFamily().plant(r, 8, truth, .15, 0)
		e = weigh(t, b, b.ids(), 0)
		if e.Exact || e.Unknown == nil || math.Abs(e.Unknown.Weight-.15) > .04 || e.Unknown.Low > .15 || e.Unknown.High < .13 {
			t.Errorf("seed %d: one missing: exact %v, unknown %+v", seed, e.Exact, e.Unknown)
		}
		for i, m := range e.Models {
			if i > 0 && (m.Standing == In) != (i < 4) {
				t.Errorf("seed %d: one missing: model %d is %s (%.1f)", seed, i, m.Standing, m.Clear)
			}
		}
		for _, w := range e.Blocks {
			for i := 1; i < len(truth); i++ {
				cells++
				if math.Abs(w.Weights[i]-truth[i]) <= w.Bars[i] {
					within++
				}
			}
		}
	}
	if 100*within < 95*cells {
		t.Errorf("%d of %d weights within their bars", within, cells)
	}
}

// TestUnlike adds noise of a few roundings to attention only, as a weak LoRA would:
// that is not what rounding looks like.
func TestUnlike(t *testing.T) {
	f := newFamily()
	b := f.plant(newRand(70), 5, []float64{0, .5, .3, .2, 0}, 0, 0.8*f.ulp)
	for _, id := range b.ids() {
		if !b.AtNoise(id) {
			t.Errorf("%s: far beyond rounding", b.Layout.Name(id))
		}
	}
	if e := weigh(t, b, b.ids(), 0); e.Exact {
		t.Error("called exact")
	}
}

// TestSubtracted leaves the base out of the models of a recipe that subtracts it.
func TestSubtracted(t *testing.T) {
	for seed := range uint64(5) {
		b := newFamily().plant(newRand(80+seed), 9, []float64{-.9, .5, .6, .8, 0, 0, 0, 0, 0}, 0, 0)
		g := &Gram{Names: b.Names[1:]}
		for _, s := range b.sums {
			for _, p := range s.tensors {
				g.Tensors = append(g.Tensors, withoutFirst(p, len(b.Names)))
			}
		}
		without := g.Blocks(b.Layout)
		e := weigh(t, without, without.ids(), -1)
		if e.Unknown == nil || !e.Unknown.Subtracted {
			t.Errorf("seed %d: %+v", seed, e.Unknown)
			continue
		}
		for i, m := range e.Models {
			if m.Standing == In && i > 2 {
				t.Errorf("seed %d: model %d is in", seed, i)
			}
		}
	}
}

// withoutFirst returns the products without the first of n models, measured from
// the second.
func withoutFirst(p *Products, n int) Products {
	were := p.P.Unpack(nil)
	full := func(i, j int) float64 {
		if i > j {
			i, j = j, i
		}
		return were[i*(n+1)-i*(i-1)/2+j-i]
	}
	// Rows of B, D_2-D_1 .., E-D_1 in terms of the old.
	row := func(i int) []float64 {
		c := make([]float64, n+1)
		c[1] = -1
		if i == 0 {
			c[0], c[1] = 1, 1
		} else {
			c[i+1] = 1
		}
		return c
	}
	out := Products{Key: p.Key, Len: p.Len, Floor: p.Floor, Half: p.Half}
	var products []float64
	for i := range n {
		for j := i; j < n; j++ {
			sum := 0.0
			for k, x := range row(i) {
				for l, y := range row(j) {
					sum += x * y * full(k, l)
				}
			}
			products = append(products, sum)
		}
	}
	out.P = NewTriangle(products, n)
	return out
}

// TestUnscale shrinks a target by a percent.
func TestUnscale(t *testing.T) {
	r := newRand(90)
	f := newFamily()
	w := newWorld(r, 4, 1500, f.keys...)
	for i := range f.keys {
		w.mix(r, i, []float64{.2, .5, .3, 0}, 0)
		for k, v := range w.targets[i] {
			w.targets[i][k] = math.Round(.99*v/f.ulp) * f.ulp
		}
	}
	g := w.gram(f.ulp * f.ulp / 12)
	g, scale, err := g.Unscale(t.Context(), block.SD1)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(scale-.99) > 1e-4 {
		t.Fatalf("scale %v", scale)
	}
	b := g.Blocks(layout(t))
	if e := weigh(t, b, b.ids(), 0); !e.Exact {
		t.Error("not exact after all")
	}
	for _, id := range b.ids() {
		fit, err := b.Fit(id, []int{0, 1, 2}, nil)
		if err != nil || math.Abs(fit.Weights[1]-.5) > .002 {
			t.Errorf("weights %v, %v", fit.Weights, err)
		}
	}
	same := newFamily().plant(r, 4, []float64{.2, .5, .3, 0}, 0, 0)
	all := &Gram{Names: same.Names}
	for _, s := range same.sums {
		for _, p := range s.tensors {
			all.Tensors = append(all.Tensors, *p)
		}
	}
	if _, scale, err := all.Unscale(t.Context(), block.SD1); err != nil || scale != 1 {
		t.Errorf("a target that is not scaled: %v", scale)
	}
}

// TestFromElsewhere measures the same models from another of them: scores, fits and
// evidence stay as they are.
func TestFromElsewhere(t *testing.T) {
	r := newRand(91)
	f := newFamily()
	w := newWorld(r, 5, 1500, f.keys...)
	weights := []float64{-.2, .5, .4, .3, 0}
	for i := range f.keys {
		w.mix(r, i, weights, 3e-4)
	}
	first := w.gram(1e-7).Blocks(layout(t))
	order := []int{3, 1, 4, 0, 2}
	turned := *w
	turned.models, turned.names = nil, nil
	for _, o := range order {
		turned.names = append(turned.names, w.names[o])
	}
	for _, m := range w.models {
		var some [][]float64
		for _, o := range order {
			some = append(some, m[o])
		}
		turned.models = append(turned.models, some)
	}
	other := turned.gram(1e-7).Blocks(layout(t))
	one, two := weigh(t, first, first.ids(), 0), weigh(t, other, other.ids(), 3)
	for k, o := range order {
		if one.Models[o].Standing != two.Models[k].Standing {
			t.Errorf("model %d is %s, and %s seen from elsewhere", o, one.Models[o].Standing, two.Models[k].Standing)
		}
	}
	for _, id := range first.ids() {
		a, _ := first.Fit(id, []int{0, 1, 2, 3}, nil)
		b, _ := other.Fit(id, []int{0, 1, 3, 4}, nil)
		for k, o := range order {
			if math.Abs(a.Weights[o]-b.Weights[k]) > 1e-6 || math.Abs(a.SE[o]-b.SE[k]) > 1e-2*a.SE[o] {
				t.Errorf("weight %d: %v ± %v and %v ± %v", o, a.Weights[o], a.SE[o], b.Weights[k], b.SE[k])
			}
		}
		x := make([]float64, 5)
		for k, o := range order {
			x[k] = weights[o]
		}
		v, _ := first.Score(id, weights)
		u, _ := other.Score(id, x)
		if math.Abs(u-v) > 1e-12 {
			t.Errorf("cosine %v and %v", v, u)
		}
	}
}

// TestNearTwins has two models that differ by a millionth: whatever model the rest
// is measured from, neither gets a weight beyond reason.
func TestNearTwins(t *testing.T) {
	r := newRand(92)
	w := newWorld(r, 5, 2000, keyOut, keyNorm)
	for i := range w.keys {
		for k, v := range w.models[i][1] {
			w.models[i][2][k] = v + 1e-6*r.NormFloat64()
		}
		w.mix(r, i, []float64{0, .5, .5, 0, 0}, 1e-4)
	}
	b := w.gram(1e-8).Blocks(layout(t))
	for _, free := range [][]int{{0, 1, 2, 3, 4}, {3, 1, 2, 4}, {4, 2, 1}, {1, 2}, {2, 3, 1}} {
		f, err := b.Fit(idOUT03, free, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range f.Weights {
			if math.Abs(v) > 1.1 {
				t.Errorf("of %v: weights %v", free, f.Weights)
				break
			}
		}
	}
}

// TestLoss compares 1 - cosine with the same in numbers of 1e-20.
func TestLoss(t *testing.T) {
	r := newRand(93)
	for _, noise := range []float64{1e-9, 1e-7, 1e-4, 0.1} {
		w := newWorld(r, 3, 500, keyOut)
		w.mix(r, 0, []float64{.5, .3, .2}, noise)
		for _, scale := range []float64{1, 1.5} {
			weights := []float64{.5 * scale, .3 * scale, .2 * scale}
			x := make([]float64, 500)
			for k := range x {
				for i, v := range []float64{.5, .3, .2} {
					x[k] += v * w.models[0][i][k]
				}
			}
			y := w.targets[0]
			s := dot(x, y) / dot(x, x)
			rest := 0.0 // |T - sM|^2
			for k := range x {
				rest += (y[k] - s*x[k]) * (y[k] - s*x[k])
			}
			sin2 := rest / dot(y, y)
			want := sin2 / (1 + math.Sqrt(1-sin2))
			got, err := w.gram(0).Blocks(layout(t)).Loss(idOUT03, weights)
			if err != nil || math.Abs(got-want) > 1e-4*want+2e-17 {
				t.Errorf("noise %g, scale %g: %g; want %g", noise, scale, got, want)
			}
		}
	}
}

// TestWeightedErrors shows that weights fitted by noise are nearer to the truth than
// plain ones where noise differs, and that their errors know it.
func TestWeightedErrors(t *testing.T) {
	truth := []float64{.35, .4, .25, 0}
	plain, weighted, within, count := 0.0, 0.0, 0, 0
	for seed := range uint64(60) {
		r := newRand(seed + 200)
		w := newWorld(r, 4, 300, keyOut, keyNorm)
		w.mix(r, 0, truth, 0.001)
		w.mix(r, 1, truth, 0.1)
		g := w.gram(1e-6)
		g.Tensors[1].Floor, g.Tensors[1].Half = 3, 3
		b := g.Blocks(layout(t))
		best, err := b.Ceiling(idOUT03)
		if err != nil {
			t.Fatal(err)
		}
		f, err := b.Fit(idOUT03, []int{0, 1, 2, 3}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range truth {
			plain += (best.Weights[i] - v) * (best.Weights[i] - v)
			weighted += (f.Weights[i] - v) * (f.Weights[i] - v)
			count++
			if math.Abs(f.Weights[i]-v) <= 3*f.SE[i] {
				within++
			}
		}
		if best.Cosine < f.Cosine {
			t.Errorf("seed %d: the ceiling is not the highest", seed)
		}
	}
	if weighted > plain/100 || 100*within < 98*count {
		t.Errorf("squared errors %g weighted, %g plain; %d of %d within three errors", weighted, plain, within, count)
	}
}

// TestUncertain gives products that cannot be solved: nothing is certain then.
func TestUncertain(t *testing.T) {
	k := []float64{1, 2, 0, 2, 1, 0, 0, 0, 1} // not of any vectors
	_, inverse := leastSquares(k, []bool{true, true})
	if !slices.Contains(inverse, math.Inf(1)) || !math.IsInf(quadratic(inverse, []float64{1, 0}), 1) {
		t.Errorf("inverse %v", inverse)
	}
}

// TestEraUnsure has time_embed tensors that no block explains.
func TestEraUnsure(t *testing.T) {
	r := newRand(94)
	w := newWorld(r, 4, 800, keyIn, keyLast, keyText, keyTime)
	for i, weights := range [][]float64{{.7, 0, .3, 0}, {.2, .8, 0, 0}, {.5, .25, .25, 0}, {.15, .7, 0, .15}} {
		w.mix(r, i, weights, 1e-3)
	}
	if era, fits, sure := w.gram(1e-6).RecogniseEra(block.SD1); sure {
		t.Errorf("sure of %s: %v", era, fits)
	}
}
