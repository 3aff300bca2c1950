package similarity

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"mixmatch/merge/block"
)

// A world is a target and models in memory: for each tensor, the models' and
// the target's numbers.
type world struct {
	names   []string
	keys    []string
	models  [][][]float64 // by tensor, by model
	targets [][]float64
}

const (
	keyOut   = "model.diffusion_model.output_blocks.3.0.in_layers.2.weight"
	keyNorm  = "model.diffusion_model.output_blocks.3.0.in_layers.0.weight"
	keyIn    = "model.diffusion_model.input_blocks.0.0.weight"
	keyTime  = "model.diffusion_model.time_embed.0.weight"
	keyLast  = "model.diffusion_model.output_blocks.11.0.in_layers.2.weight"
	keyText  = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
	keyVAE   = "first_stage_model.encoder.conv_in.weight"
	idOUT03  = block.ID(17)
	idOUT11  = block.ID(25)
	idIN00   = block.ID(1)
	deltaStd = 0.1
)

// newWorld draws a base and models around it, in tensors of n elements.
func newWorld(r *rand.Rand, models, n int, keys ...string) *world {
	w := &world{keys: keys}
	for i := range models {
		w.names = append(w.names, string(rune('A'+i)))
	}
	for range keys {
		base := normals(r, n, 1)
		common := normals(r, n, deltaStd/2)
		tensor := [][]float64{base}
		for range models - 1 {
			own := normals(r, n, deltaStd)
			for k := range own {
				own[k] += base[k] + common[k]
			}
			tensor = append(tensor, own)
		}
		w.models = append(w.models, tensor)
		w.targets = append(w.targets, make([]float64, n))
	}
	return w
}

func normals(r *rand.Rand, n int, std float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = std * r.NormFloat64()
	}
	return x
}

// mix sets the target of tensor t to a mix of the models and noise.
func (w *world) mix(r *rand.Rand, t int, weights []float64, noise float64) {
	for k := range w.targets[t] {
		v := noise * r.NormFloat64()
		for i, a := range weights {
			v += float64(a * w.models[t][i][k])
		}
		w.targets[t][k] = v
	}
}

// gram computes the products as Measure does, from the numbers themselves.
func (w *world) gram(floor float64) *Gram {
	g := &Gram{Names: w.names}
	for t, key := range w.keys {
		rows := [][]float64{w.models[t][0]}
		for _, x := range append(slices.Clone(w.models[t][1:]), w.targets[t]) {
			d := slices.Clone(x)
			for k := range d {
				d[k] -= rows[0][k]
			}
			rows = append(rows, d)
		}
		p := Products{Key: key, Len: len(rows[0]), Floor: floor * float64(len(rows[0])), Half: floor * float64(len(rows[0]))}
		var products []float64
		for i := range rows {
			for j := i; j < len(rows); j++ {
				products = append(products, dot(rows[i], rows[j]))
			}
		}
		p.P = NewTriangle(products, len(rows))
		g.Tensors = append(g.Tensors, p)
	}
	return g
}

func dot(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += float64(x[i] * y[i]) // rounded on every machine
	}
	return sum
}

func layout(t testing.TB) *block.Layout {
	t.Helper()
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// TestScore compares the cosine from products with that of the numbers.
func TestScore(t *testing.T) {
	r := newRand(1)
	w := newWorld(r, 4, 500, keyOut, keyNorm)
	w.mix(r, 0, []float64{.4, .3, .5, -.2}, 0.01)
	w.mix(r, 1, []float64{.4, .3, .5, -.2}, 0.01)
	b := w.gram(0).Blocks(layout(t))
	for _, weights := range [][]float64{{1, 0, 0, 0}, {0, 0, 1, 0}, {.4, .3, .5, -.2}, {2, -1, 0, 0}, {3, 1, 0, 2}} {
		var m, y []float64
		for k := range w.keys {
			for e := range w.targets[k] {
				v := 0.0
				for i, a := range weights {
					v += float64(a * w.models[k][i][e])
				}
				m, y = append(m, v), append(y, w.targets[k][e])
			}
		}
		want := dot(m, y) / math.Sqrt(dot(m, m)*dot(y, y))
		got, err := b.Score(idOUT03, weights)
		if err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("weights %v: cosine %v, %v; want %v", weights, got, err, want)
		}
		distance := 0.0
		for e := range m {
			distance += (m[e] - y[e]) * (m[e] - y[e])
		}
		if sum := weights[0] + weights[1] + weights[2] + weights[3]; sum == 1 {
			if got := b.Distance(idOUT03, weights); math.Abs(got-distance) > 1e-9*distance {
				t.Errorf("weights %v: distance %v; want %v", weights, got, distance)
			}
		}
	}
	if _, err := b.Score(idIN00, []float64{1, 0, 0, 0}); !errors.Is(err, ErrEmpty) {
		t.Errorf("a block without tensors: %v", err)
	}
}

// TestCeiling checks the ceiling, with a source withheld, against a
// least-squares solution by QR of the numbers themselves.
func TestCeiling(t *testing.T) {
	for seed := range uint64(5) {
		r := newRand(seed)
		w := newWorld(r, 5, 400, keyOut, keyNorm)
		w.mix(r, 0, []float64{.4, .3, .5, -.2, 0}, 0.03)
		w.mix(r, 1, []float64{.4, .3, .5, -.2, 0}, 0.03)
		free := []int{0, 1, 2, 4} // 3 is withheld
		a := mat.NewDense(800, len(free), nil)
		y := mat.NewVecDense(800, nil)
		for k := range w.keys {
			for e := range 400 {
				for c, i := range free {
					a.Set(k*400+e, c, w.models[k][i][e])
				}
				y.SetVec(k*400+e, w.targets[k][e])
			}
		}
		var qr mat.QR
		qr.Factorize(a)
		var u, fit mat.VecDense
		if err := qr.SolveVecTo(&u, false, y); err != nil {
			t.Fatal(err)
		}
		fit.MulVec(a, &u)
		want := mat.Dot(&fit, y) / (mat.Norm(&fit, 2) * mat.Norm(y, 2))
		f, err := w.gram(0).Blocks(layout(t)).Fit(idOUT03, free, nil)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(f.Cosine-want) > 1e-12 {
			t.Errorf("seed %d: ceiling %.15f; want %.15f", seed, f.Cosine, want)
		}
		sum := mat.Sum(&u)
		for c, i := range free {
			if got, want := f.Weights[i], u.AtVec(c)/sum; math.Abs(got-want) > 1e-9 {
				t.Errorf("seed %d: weight %d is %v; want %v", seed, i, got, want)
			}
		}
	}
}

// TestErrorBars plants weights hundreds of times, with noise a hundred times
// larger in one tensor than in the other, and counts how often the truth lies
// within the standard errors.
func TestErrorBars(t *testing.T) {
	truth := []float64{.35, .4, .25, 0}
	within := [4]int{}
	count := 0
	for seed := range uint64(150) {
		r := newRand(seed + 100)
		w := newWorld(r, 4, 300, keyOut, keyNorm)
		w.mix(r, 0, truth, 0.001)
		w.mix(r, 1, truth, 0.1)
		f, err := w.gram(0).Blocks(layout(t)).Fit(idOUT03, []int{0, 1, 2, 3}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range truth {
			count++
			for k := range within {
				if math.Abs(f.Weights[i]-v) <= float64(k)*f.SE[i] {
					within[k]++
				}
			}
		}
	}
	for k, want := range []float64{0, 0.68, 0.95, 0.99} {
		if got := float64(within[k]) / float64(count); k > 0 && (got < want-0.06 || k == 1 && got > 0.8) {
			t.Errorf("within %d standard errors: %.3f; want about %.2f", k, got, want)
		}
	}
}

// TestFixed checks that weights that are given are kept and the rest is the
// best there is: no small change of it is better.
func TestFixed(t *testing.T) {
	r := newRand(3)
	w := newWorld(r, 4, 500, keyOut)
	w.mix(r, 0, []float64{.4, .3, .5, -.2}, 0.05)
	b := w.gram(0).Blocks(layout(t))
	for _, free := range [][]int{{1, 2}, {2, 1}, {0, 1}, {1}} {
		fixed := map[int]float64{3: .1}
		if !slices.Contains(free, 0) {
			fixed[0] = .25
		}
		f, err := b.Fit(idOUT03, free, fixed)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, v := range f.Weights {
			sum += v
			if want, ok := fixed[i]; ok && v != want {
				t.Errorf("free %v: weight %d is %v; fixed at %v", free, i, v, want)
			}
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("free %v: weights sum to %v", free, sum)
		}
		if len(free) < 2 {
			continue
		}
		for _, step := range []float64{-1e-4, 1e-4} {
			x := slices.Clone(f.Weights)
			x[free[0]] += step
			x[free[1]] -= step
			if v, _ := b.Score(idOUT03, x); v > f.Cosine {
				t.Errorf("free %v: %v is better than the fit", free, x)
			}
		}
	}
	if _, err := b.Fit(idOUT03, nil, map[int]float64{0: .5}); !errors.Is(err, ErrNoFit) {
		t.Errorf("half a mix: %v", err)
	}
}

// TestTwins gives a model twice, and the base a twin: everything stays finite,
// the first named gets the weight, and the twins are named.
func TestTwins(t *testing.T) {
	r := newRand(4)
	w := newWorld(r, 5, 500, keyOut)
	copy(w.models[0][3], w.models[0][1]) // D is B
	copy(w.models[0][4], w.models[0][0]) // E is A
	w.mix(r, 0, []float64{.5, .3, .2, 0, 0}, 0.001)
	b := w.gram(0).Blocks(layout(t))
	f, err := b.Ceiling(idOUT03)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{.5, .3, .2, 0, 0} {
		if math.Abs(f.Weights[i]-want) > 0.01 || math.IsNaN(f.SE[i]) {
			t.Errorf("weight %d is %v ± %v; want %v", i, f.Weights[i], f.SE[i], want)
		}
	}
	if !math.IsInf(f.SE[3], 1) || !math.IsInf(f.SE[4], 1) || math.IsInf(f.SE[1], 1) {
		t.Errorf("errors %v; want those of the twins named later infinite", f.SE)
	}
	twins := b.Twins()
	if len(twins) != 2 || twins[0] != (Twin{"A", "E", 0}) || twins[1] != (Twin{"B", "D", 0}) {
		t.Errorf("twins %v; want A and E, B and D", twins)
	}
}

func TestJudge(t *testing.T) {
	const noise = 1e-4
	floor := noise * noise // one rounding
	r := newRand(5)
	for _, c := range []struct {
		name    string
		truth   []float64
		free    []int
		weights []float64
		want    Verdict
	}{
		{"the truth", []float64{.4, .3, .3, 0}, []int{0, 1, 2, 3}, []float64{.4, .3, .3, 0}, Exact},
		{"a source is gone", []float64{.4, .3, 0, .3}, []int{0, 1, 2}, nil, Missing},
		{"a trace is gone", []float64{.4, .595, 0, .005}, []int{0, 1, 2}, nil, Best},
		{"the truth, with other evidence against it", []float64{.4, .3, .3, 0}, []int{0, 1, 2, 3}, []float64{.4, .3, .3, 0}, Best},
		{"ratios kept away", []float64{.4, .3, .3, 0}, []int{0, 1, 2, 3}, []float64{.5, .3, .2, 0}, Short},
	} {
		w := newWorld(r, 4, 2000, keyOut)
		w.mix(r, 0, c.truth, noise)
		b := w.gram(floor).Blocks(layout(t))
		fit, err := b.Fit(idOUT03, c.free, nil)
		if err != nil {
			t.Fatal(err)
		}
		weights := c.weights
		if weights == nil {
			weights = fit.Weights
		}
		exact := !strings.Contains(c.name, "against")
		if got := b.Judge(idOUT03, b.Distance(idOUT03, weights), fit, 0, 3, exact); got.Verdict != c.want {
			t.Errorf("%s: %+v; want %s", c.name, got, c.want)
		}
	}
}

// TestEra merges time_embed with the block that each era puts it in.
func TestEra(t *testing.T) {
	weights := map[string][]float64{"OUT11": {.2, .8, 0}, "IN00": {.7, 0, .3}, "BASE": {.5, .25, .25}}
	for era, b := range map[block.Era]string{block.SM2025: "OUT11", block.SM2023: "IN00", block.Mecha: "BASE"} {
		r := newRand(6)
		w := newWorld(r, 3, 800, keyIn, keyLast, keyText, keyTime)
		for i, name := range []string{"IN00", "OUT11", "BASE", b} {
			w.mix(r, i, weights[name], 1e-3)
		}
		got, fits, sure := w.gram(1e-6).RecogniseEra(block.SD1)
		if got != era || !sure {
			t.Errorf("%s: recognised %s, sure %v, %v", era, got, sure, fits)
		}
	}
	r := newRand(7) // all blocks alike: nothing to tell by
	w := newWorld(r, 3, 800, keyIn, keyLast, keyText, keyTime)
	for i := range w.keys {
		w.mix(r, i, weights["IN00"], 1e-3)
	}
	if got, fits, sure := w.gram(1e-6).RecogniseEra(block.SD1); got != block.Eras()[0] || sure {
		t.Errorf("nothing to tell by: %s, sure %v, %v", got, sure, fits)
	}
}

// TestEraXL has SDXL models, whose time_embed SuperMerger keeps from model A
// and sd-mecha merges with BASE.
func TestEraXL(t *testing.T) {
	const keyTextXL = "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"
	for era, weights := range map[block.Era][]float64{block.SM2025: {0, 1, 0}, block.Mecha: {.5, .25, .25}} {
		r := newRand(10)
		w := newWorld(r, 3, 800, keyTextXL, keyTime)
		w.mix(r, 0, []float64{.5, .25, .25}, 1e-3)
		w.mix(r, 1, weights, 1e-3)
		if got, fits, sure := w.gram(1e-6).RecogniseEra(block.SDXL); got != era || !sure {
			t.Errorf("%s: recognised %s, sure %v, %v", era, got, sure, fits)
		}
	}
}

func TestReadGram(t *testing.T) {
	r := newRand(8)
	w := newWorld(r, 3, 50, keyOut, keyVAE)
	w.mix(r, 0, []float64{1, 0, 0}, 0)
	copy(w.targets[1], w.models[1][2])
	g := w.gram(1e-9)
	g.Tensors[1].Absent = []int{1}
	var b bytes.Buffer
	n, err := g.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d of %d bytes: %v", n, b.Len(), err)
	}
	back, err := ReadGram(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Tensors {
		x, y := g.Tensors[i], back.Tensors[i]
		if x.Key != y.Key || x.Len != y.Len || x.Floor != y.Floor || !slices.Equal(x.P.Unpack(nil), y.P.Unpack(nil)) || !slices.Equal(x.Absent, y.Absent) {
			t.Errorf("tensor %d: %v became %v", i, x, y)
		}
	}
	vae := back.VAE()
	if len(vae) != 3 || vae[1] != -1 || vae[2] > 1e-12 || vae[0] < 1e-4 {
		t.Errorf("VAE distances %v; want that of the third model", vae)
	}
	for i := range b.Len() {
		bad := bytes.Clone(b.Bytes())
		bad[i] ^= 1
		if _, err := ReadGram(bytes.NewReader(bad)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d changed (%q): %v", i, b.Bytes()[max(0, i-20):i+1], err)
		}
		if _, err := ReadGram(bytes.NewReader(b.Bytes()[:i])); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut short at byte %d: %v", i, err)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	r := newRand(9)
	w := newWorld(r, 10, 50, keyOut)
	blocks := w.gram(0).Blocks(layout(b))
	weights := make([]float64, 10)
	for i := range weights {
		weights[i] = 0.1
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := blocks.Score(idOUT03, weights); err != nil {
			b.Fatal(err)
		}
	}
}
