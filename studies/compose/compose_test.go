package compose

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/similarity"
)

// testKeys has a tensor for each of three blocks.
var testKeys = map[string]string{
	"IN04":  "model.diffusion_model.input_blocks.4.0.in_layers.2.weight",
	"M00":   "model.diffusion_model.middle_block.0.in_layers.2.weight",
	"OUT07": "model.diffusion_model.output_blocks.7.0.in_layers.2.weight",
}

// plant returns the blocks of models A, B, C... and a target that mixes them
// by the weights given for each block, and noise. In the blocks of same all
// models are equal.
func plant(t *testing.T, seed uint64, weights map[string][]float64, noise float64, same ...string) (*similarity.Blocks, []block.ID) {
	t.Helper()
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 3))
	const n = 4000
	g := &similarity.Gram{}
	var ids []block.ID
	for _, name := range []string{"IN04", "M00", "OUT07"} {
		w := weights[name]
		if w == nil {
			continue
		}
		rows := make([][]float64, len(w)+1) // base, differences, the target's difference
		for i := range rows {
			rows[i] = make([]float64, n)
		}
		for k := range n {
			rows[0][k] = r.NormFloat64()
			common := 0.05 * r.NormFloat64()
			for i := 1; i < len(w); i++ {
				if rows[i][k] = common + 0.1*r.NormFloat64(); slices.Contains(same, name) {
					rows[i][k] = 0
				}
				rows[len(w)][k] += w[i] * rows[i][k]
			}
			rows[len(w)][k] += noise * r.NormFloat64()
		}
		p := similarity.Products{Key: testKeys[name], Len: n, Floor: n * noise * noise, Half: n * noise * noise}
		var products []float64
		for i := range rows {
			for j := i; j < len(rows); j++ {
				sum := 0.0
				for k := range n {
					sum += rows[i][k] * rows[j][k]
				}
				products = append(products, sum)
			}
		}
		p.P = similarity.NewTriangle(products, len(rows))
		g.Tensors = append(g.Tensors, p)
		id, _ := l.Index(name)
		ids = append(ids, id)
		if g.Names == nil {
			for i := range w {
				g.Names = append(g.Names, string(rune('A'+i)))
			}
		}
	}
	return g.Blocks(l), ids
}

// composeAll composes a recipe and fills it with the rounded columns.
func composeAll(t *testing.T, b *similarity.Blocks, ids []block.ID, base int) *recipe.Recipe {
	t.Helper()
	c, err := New(t.Context(), b, ids, Options{Base: base, First: -1})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, c)
}

// written fills the recipe of c with the rounded columns.
func written(t *testing.T, c *Composition) *recipe.Recipe {
	t.Helper()
	b, ids := c.blocks, c.ids
	columns, err := c.Rounded(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := c.Recipe()
	for _, id := range ids {
		r.SetColumn(id, columns[id])
	}
	if again, err := recipe.Parse(b.Layout, r.String(), recipe.Options{}); err != nil || again.String() != r.String() {
		t.Errorf("%v: does not read back:\n%s", err, r)
	}
	return r
}

// weightsOf returns the weight of each model of b that a column comes down to.
func weightsOf(b *similarity.Blocks, program *recipe.Program, column []float64) []float64 {
	w := make([]float64, len(b.Names))
	for i, v := range program.Weights(column) {
		w[slices.Index(b.Names, program.Sources[i])] += v
	}
	return w
}

func TestCompose(t *testing.T) {
	for _, c := range []struct {
		name    string
		weights map[string][]float64
		base    int
		steps   int
		modes   []recipe.Mode // of the steps, in order
		sources []string      // all of them
	}{
		{
			"two models",
			map[string][]float64{"IN04": {.7, .3}, "OUT07": {.4, .6}},
			-1,
			1,
			[]recipe.Mode{recipe.WeightSum},
			[]string{"A", "B"},
		},
		{
			"a decoy is dropped",
			map[string][]float64{"IN04": {.7, .3, 0}, "OUT07": {.4, .6, 0}},
			-1,
			1,
			[]recipe.Mode{recipe.WeightSum},
			[]string{"A", "B"},
		},
		{
			"another in each block",
			map[string][]float64{"IN04": {.7, .3, 0, 0}, "M00": {.5, 0, .5, 0}, "OUT07": {.4, 0, 0, .6}},
			-1,
			3,
			[]recipe.Mode{recipe.WeightSum, recipe.WeightSum, recipe.WeightSum},
			[]string{"A", "B", "C", "D"},
		},
		{
			"add difference with a base",
			map[string][]float64{"IN04": {-.3, 1, .3, 0}, "OUT07": {-.5, .8, .3, .4}},
			0,
			3,
			[]recipe.Mode{recipe.WeightSum, recipe.AddDifference, recipe.AddDifference},
			[]string{"A", "B", "C", "D"},
		},
		{
			"a base with no part",
			map[string][]float64{"IN04": {0, .7, .3}, "OUT07": {0, .5, .5}},
			0,
			1,
			[]recipe.Mode{recipe.WeightSum},
			[]string{"B", "C"},
		},
		{
			"more than the whole, no base",
			map[string][]float64{"IN04": {.9, 1.3, -1.2}, "OUT07": {.5, .5, 0}},
			-1,
			2,
			[]recipe.Mode{recipe.WeightSum, recipe.AddDifference},
			[]string{"A", "B", "C"},
		},
		{
			"the target is a source",
			map[string][]float64{"IN04": {0, 0, 1}, "OUT07": {0, 0, 1}},
			0,
			1,
			[]recipe.Mode{recipe.WeightSum},
			[]string{"C"},
		},
		{
			"the target is a source in each block",
			map[string][]float64{"IN04": {0, 1, 0}, "OUT07": {0, 0, 1}},
			0,
			1,
			[]recipe.Mode{recipe.WeightSum},
			[]string{"B", "C"},
		},
	} {
		b, ids := plant(t, 1, c.weights, 1e-5)
		r := composeAll(t, b, ids, c.base)
		if len(r.Steps) != c.steps {
			t.Errorf("%s: %d steps; want %d:\n%s", c.name, len(r.Steps), c.steps, r)
			continue
		}
		for i, m := range c.modes {
			if r.Steps[i].Mode != m {
				t.Errorf("%s: step %d is %s; want %s:\n%s", c.name, i+1, r.Steps[i].Mode, m, r)
			}
		}
		if got := slices.Sorted(slices.Values(r.Sources())); !slices.Equal(got, c.sources) {
			t.Errorf("%s: sources %v; want %v", c.name, got, c.sources)
		}
		for _, id := range ids {
			want := c.weights[b.Layout.Name(id)]
			got := weightsOf(b, r.Program(), r.Column(id))
			for i := range want {
				// The planted numbers are short decimals, so they are found to the last digit.
				if math.Abs(got[i]-want[i]) > 1e-9 {
					t.Errorf("%s: %s: weights %v; want %v", c.name, b.Layout.Name(id), got, want)
					break
				}
			}
		}
	}
}

// TestComposeTwinBlock has a block that is the same in all models, as a text
// encoder that nobody trained: a decoy must not get in by it, first named or not.
func TestComposeTwinBlock(t *testing.T) {
	for _, base := range []int{-1, 0} {
		b, ids := plant(t, 5, map[string][]float64{"IN04": {0, .6, .4, 0}, "OUT07": {0, .6, .4, 0}, "M00": {1, 0, 0, 0}}, 1e-5, "M00")
		r := composeAll(t, b, ids, base)
		if got := slices.Sorted(slices.Values(r.Sources())); !slices.Equal(got, []string{"B", "C"}) {
			t.Errorf("base %d: sources %v; want B and C:\n%s", base, got, r)
		}
	}
}

// TestComposeAny composes recipes for random weights: never more steps than
// sources less one, and the weights within a few standard errors.
func TestComposeAny(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		weights := map[string][]float64{}
		n := 2 + r.IntN(6)
		for _, name := range []string{"IN04", "M00", "OUT07"} {
			w := make([]float64, n)
			sum := 0.0
			for i := 1; i < n; i++ {
				if r.IntN(3) > 0 {
					w[i] = 1.6*r.Float64() - 0.4
				}
				sum += w[i]
			}
			w[0] = 1 - sum
			weights[name] = w
		}
		base := r.IntN(2) - 1
		b, ids := plant(t, seed, weights, 1e-5)
		got := composeAll(t, b, ids, base)
		if len(got.Steps) > max(1, n-1) {
			t.Errorf("seed %d: %d steps for %d sources", seed, len(got.Steps), n)
		}
		for _, id := range ids {
			want := weights[b.Layout.Name(id)]
			for i, w := range weightsOf(b, got.Program(), got.Column(id)) {
				if math.Abs(w-want[i]) > 1e-4 {
					t.Errorf("seed %d: %s: weight %d is %v; want %v\n%s", seed, b.Layout.Name(id), i, w, want[i], got)
				}
			}
		}
	}
}

func TestShortestIn(t *testing.T) {
	for _, c := range []struct{ lo, hi, v, want float64 }{
		{.07, .09, .0801, .08},
		{.0799, .0803, .0801, .08},
		{.08005, .08015, .0801, .0801},
		{-.2, .2, .1, 0},
		{.94, 1.06, .97, 1},
		{-.46, -.44, -.4501, -.45},
		{.5, .5, .5, .5},
		{1.0 / 3, 1.0 / 3, 1.0 / 3, 1.0 / 3},
	} {
		if got := shortestIn(c.lo, c.hi, c.v); got != c.want {
			t.Errorf("from %v to %v near %v: %v; want %v", c.lo, c.hi, c.v, got, c.want)
		}
	}
}

func TestShared(t *testing.T) {
	got := shared([]estimate{{.06838, 4e-5}, {.0684, 3e-5}, {.1109, 3e-5}, {.06843, 4e-5}, {.11093, 4e-5}, {.5, 1e-6}})
	if want := []float64{.0684, .0684, .1109, .0684, .1109, .5}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}
