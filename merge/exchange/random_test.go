package exchange

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

func layoutOf(t testing.TB, arch block.Arch, era block.Era) *block.Layout {
	t.Helper()
	l, err := block.For(arch, era)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// oddNames are names that are hard on one format or another.
func oddNames() []string {
	return []string{
		"OpenBra", "Evt_V4_e04_ema", "v1-5-pruned-emaonly", "BlessingMix V1", "a, b", "x", "0.5", "c (d) - e", `q"u'o`,
		"β-model", "A + B", "name\ttab", "<script>", "R", "COSINE", "a:b", "back\\slash", "#1", "dir/file", "null", "é日本",
		"a\nb", "k=v", "end.safetensors", "[0a1b2c3d4e]", "-", "{y}", "alpha",
	}
}

// tame are names that no format needs to escape.
func tame() []string {
	return []string{"OpenBra", "Evt_V4_e04_ema", "v1-5-pruned-emaonly", "dreamshaper_6NoVae", "β-model", "ds6.1"}
}

// random returns a recipe of a few steps of the given modes.
func random(t testing.TB, rng *rand.Rand, l *block.Layout, names []string, modes []recipe.Mode, holes bool) *recipe.Recipe {
	t.Helper()
	names = slices.Clone(names)
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	number := func() float64 {
		switch rng.IntN(4) {
		case 0:
			return float64(rng.IntN(21)) / 20
		case 1:
			return math.Round(rng.NormFloat64()*1e4) / 1e4
		case 2:
			return rng.NormFloat64()
		}
		return 0
	}
	ratio := func() recipe.Ratio {
		if holes && rng.IntN(4) == 0 {
			return recipe.Open(recipe.Hole(1+rng.IntN(2)), -0.5, 1)
		}
		return recipe.Ratio{Value: number() + 0}
	}
	row := func() recipe.Row {
		if rng.IntN(3) == 0 {
			return recipe.Uniform(l, math.Round(rng.Float64()*3000-1000)/1000+0)
		}
		r := make(recipe.Row, l.Len())
		for i := range r {
			r[i] = ratio()
		}
		return r
	}
	pool, fresh := names[:len(names)/2], names[len(names)/2:]
	pool = slices.Clone(pool)
	var steps []recipe.Step
	for i := range 1 + rng.IntN(min(5, len(fresh))) {
		pick := func() string { return pool[rng.IntN(len(pool))] }
		s := recipe.Step{Mode: modes[rng.IntN(len(modes))], A: pick(), B: pick(), Alpha: row(), Out: fresh[i]}
		if i > 0 {
			s.A = steps[i-1].Out // so that every step is needed
		}
		if s.Mode.HasC() {
			s.C = pick()
		}
		if s.Mode == recipe.AddLoRA {
			s.B = []string{"detail_tweaker", "my style: \"v2\" <x>", "LoRA 3"}[rng.IntN(3)]
		}
		if s.Mode.HasBeta() {
			s.Beta = row()
		}
		steps = append(steps, s)
		pool = append(pool, s.Out)
	}
	r, err := recipe.New(l, steps)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func allModes() []recipe.Mode {
	return []recipe.Mode{recipe.WeightSum, recipe.AddDifference, recipe.TripleSum, recipe.SumTwice}
}

// same compares all of two recipes but the lines of their steps.
func same(t testing.TB, got, want *recipe.Recipe) {
	t.Helper()
	if got.Layout != want.Layout {
		t.Fatalf("for %v; want %v", got.Layout, want.Layout)
	}
	if len(got.Steps) != len(want.Steps) {
		t.Fatalf("%d steps; want %d:\n%s\nand\n%s", len(got.Steps), len(want.Steps), got, want)
	}
	for i := range got.Steps {
		g, w := got.Steps[i], want.Steps[i]
		g.Line, w.Line = 0, 0
		if fmt.Sprintf("%#v", g) != fmt.Sprintf("%#v", w) {
			t.Fatalf("step %d:\n%#v; want\n%#v", i, g, w)
		}
	}
}

// sameWeights compares what two recipes come down to.
func sameWeights(t testing.TB, got, want *recipe.Recipe, within float64) {
	t.Helper()
	for id := range want.Layout.Blocks().All() {
		g, w := flat(got, id), flat(want, id)
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if _, ok := g[name]; !ok {
				g[name] = 0
			}
		}
		for name, x := range g {
			if math.Abs(x-w[name]) > within {
				t.Fatalf("%s in %s is %v; want %v", name, want.Layout.Name(id), x, w[name])
			}
		}
	}
}

func flat(r *recipe.Recipe, id block.ID) map[string]float64 {
	w := map[string]float64{}
	for name, q := range r.Flatten(id) {
		w[name], _ = q.Float64()
	}
	return w
}

// digests makes a sha256 for each model of a recipe.
func digests(r *recipe.Recipe) map[string]Model {
	m := map[string]Model{}
	for i := range r.Steps {
		for _, n := range append(r.Steps[i].Operands(), r.Steps[i].Out, r.Steps[i].LoRA()) {
			if _, ok := m[n]; !ok && n != "" {
				m[n] = Model{SHA256: strings.Repeat(fmt.Sprintf("%02x", len(m)+16), 32), Legacy: "01234567"}
			}
		}
	}
	return m
}

// TestRoundTrip wants the recipe back from each format that can hold all of it.
func TestRoundTrip(t *testing.T) {
	type trip struct {
		format string
		names  []string
		modes  []recipe.Mode
		holes  bool
		refuse bool // some names may be refused
	}
	for _, c := range []trip{
		{"text", oddNames(), append(allModes(), recipe.AddLoRA), true, false},
		{"json", oddNames(), append(allModes(), recipe.AddLoRA), true, false},
		{"history", tame(), allModes(), false, false},
		{"history", oddNames(), allModes(), false, true},
		{"mecha", oddNames(), allModes(), false, true},
		{"metadata", oddNames(), append(allModes(), recipe.AddLoRA), false, false},
		{"metadata-supermerger", tame(), allModes(), false, false},
		{"metadata-supermerger", oddNames(), allModes(), false, true},
	} {
		t.Run(c.format, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var done, refused int
			for i := range 200 {
				arch, era := block.SD1, block.Eras()[i%3]
				if i%4 == 3 {
					arch, era = block.SDXL, block.SM2025
				}
				l := layoutOf(t, arch, era)
				r := random(t, rng, l, c.names, c.modes, c.holes)
				opt := Options{Models: digests(r)}
				if c.format == "mecha" && i > 40 {
					break
				}
				text, _, err := Export(r, c.format, opt)
				if err != nil {
					if !c.refuse {
						t.Fatal(err)
					}
					refused++
					continue
				}
				read := c.format
				if strings.HasPrefix(read, "metadata") {
					read = "metadata"
				}
				given := l
				if i%2 == 0 && (read == "json" || c.format == "metadata" || read == "mecha") {
					given = nil
				}
				opt.Recipe.Result = r.Result()
				if i%2 == 0 {
					read = ""
				}
				if read == "" && c.format == "text" { // may begin like another format
					read = "text"
				}
				got, _, err := Import(text, read, given, opt)
				if err != nil {
					t.Fatalf("%v in\n%s\nof\n%s", err, text[:min(len(text), 5000)], r)
				}
				pruned, err := prune(r, r.Result())
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, pruned)
				done++
			}
			if done < 10 {
				t.Errorf("%d done, %d refused", done, refused)
			}
		})
	}
}

// TestWeights wants the same weights back where the steps are lost, and from
// chains whose steps have no names.
func TestWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 100 {
		l := layoutOf(t, block.SD1, block.Eras()[i%3])
		if i%4 == 3 {
			l = layoutOf(t, block.SDXL, block.SM2025)
		}
		r := random(t, rng, l, tame(), allModes(), false)
		text, _, err := Export(r, "mergekit", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Sources()) < 2 {
			continue
		}
		got, _, err := Import(text, "", nil, Options{})
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		sameWeights(t, got, r, 1e-9)
	}
	for range 100 {
		l := layoutOf(t, block.SD1, block.SM2025)
		r := random(t, rng, l, tame(), []recipe.Mode{recipe.WeightSum, recipe.AddDifference}, false)
		text, _, err := Export(r, "metadata-mixer", Options{})
		if err != nil {
			continue
		}
		got, _, err := Import(text, "", l, Options{})
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		sameWeights(t, got, r, 1e-12)
	}
}
