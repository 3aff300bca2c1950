package chain

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// planted returns a recipe's problem: exact weights with noise.
func planted(t testing.TB, text string, base, kept string, noise float64) (plant, *Problem) {
	t.Helper()
	r, err := recipe.Parse(layout(t), text, recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := plant{recipe: r, names: r.Sources()}
	slices.Sort(p.names)
	p.base = slices.Index(p.names, base)
	q := p.problem(rand.New(rand.NewPCG(9, 9)), noise)
	q.Kept = slices.Index(p.names, kept)
	return p, q
}

// TestFind finds chains of each kind as they were typed.
func TestFind(t *testing.T) {
	for _, tt := range []struct{ name, text, base, kept, want string }{
		{"weight sums", "A x 0.7 + B x 0.3 = T\nT x 0.85 + C x 0.15 = R\n", "", "", ""},
		{
			"the second model is kept", "A x 0.7 + B x 0.3 = T\nT x 0.85 + C x 0.15 = R\n", "", "B",
			"B x 0.3 + A x 0.7 = TEMP1\nTEMP1 x 0.85 + C x 0.15 = FINAL\n",
		},
		{"add differences", "A + (B - V) x 0.45 = T\nT x 0.85 + C x 0.15 = U\nU + (D - V) x 0.35 = R\n", "V", "", ""},
		{
			"no base named", "A + (B - V) x 0.45 = T\nT x 0.85 + C x 0.15 = U\nU + (D - V) x 0.35 = R\n", "", "",
			"A + (B - V) x 0.45 = TEMP1\nTEMP1 x 0.85 + C x 0.15 = TEMP2\nTEMP2 + (D - V) x 0.35 = FINAL\n",
		},
		{"two bases", "A + (B - C) x 0.37 = T\nT + (D - V) x 0.45 = U\nU x 0.85 + F x 0.15 = R\n", "V", "", ""},
		{ // a weight sum with the base is an add difference to it: A and B cannot be told apart
			"the base first", "V x 0.55 + A x 0.45 = T\nT + (B - V) x 0.37 = U\nU x 0.85 + C x 0.15 = R\n", "V", "V",
			"V x 0.63 + B x 0.37 = TEMP1\nTEMP1 + (A - V) x 0.45 = TEMP2\nTEMP2 x 0.85 + C x 0.15 = FINAL\n",
		},
		{
			"the base mixed in", "A x 0.57 + V x 0.43 = T\nT + (B - V) x 0.62 = U\nU + (C - V) x 0.33 = W\nW x 0.87 + D x 0.13 = R\n", "V", "A",
			"",
		},
		{"triple sum", "A x 0.47 + B x 0.28 + C x 0.25 = T\nT x 0.85 + D x 0.15 = R\n", "", "", ""},
		{"twice", "A + (B - V) x 0.1 = T\nT x 0.95 + B x 0.05 = U\nU + (C - V) x 0.08 = W\nW x 0.9 + D x 0.1 = R\n", "V", "", ""},
		{"a source", "A x 1 + B x 0 = R\n", "", "", "A x 1 + A x 0 = FINAL\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, q := planted(t, tt.text, tt.base, tt.kept, 2e-5)
			c, err := Find(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want != "" {
				if got := c.Recipe.String(); got != tt.want {
					t.Errorf("found %.1f bits\n%vwant\n%v", c.Bits, got, tt.want)
				}
			} else if _, _, same := tally(p, c); !same {
				t.Errorf("found %.1f bits\n%vplanted, %.1f bits\n%v", c.Bits, c.Recipe, plantedBits(p, q), p.recipe)
			}
			again, err := Find(context.Background(), q)
			if err != nil || again.Recipe.String() != c.Recipe.String() || again.Bits != c.Bits {
				t.Error("another chain the second time")
			}
		})
	}
}

// TestAlternatives finds two chains that are as short: A x 0.6 + V x 0.4 at the
// start, or A - V added with 0.6 to what begins with B, and nothing tells which.
func TestAlternatives(t *testing.T) {
	p, q := planted(t, "A x 0.6 + V x 0.4 = T\nT + (B - V) x 0.65 = U\nU + (C - V) x 0.25 = W\nW x 0.9 + D x 0.1 = R\n", "V", "", 2e-5)
	c, err := Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, r := range append([]Alternative{{c.Recipe, c.Bits}}, c.Alternatives...) {
		if _, _, same := tally(p, &Chain{Recipe: r.Recipe}); same {
			found++
		}
		if math.Abs(r.Bits-c.Bits) > 2*asShort {
			t.Errorf("%.1f bits count as short as %.1f", r.Bits, c.Bits)
		}
		for b, id := range q.Blocks {
			program := r.Recipe.Program()
			for i, w := range program.Weights(r.Recipe.Column(id)) {
				if k := slices.Index(q.Names, program.Sources[i]); math.Abs(w-q.Weights[b][k]) > 2e-4 {
					t.Errorf("%s weighs %v, not %v, in\n%v", q.Names[k], w, q.Weights[b][k], r.Recipe)
				}
			}
		}
	}
	if found != 1 || len(c.Alternatives) == 0 || c.Remark() == "" {
		t.Errorf("planted %d times among %d; %q", found, 1+len(c.Alternatives), c.Remark())
	}
}

// TestWeights holds what is found against the weights, and the columns of the
// chain against those that they come from.
func TestWeights(t *testing.T) {
	l := layout(t)
	r := rand.New(rand.NewPCG(11, 12))
	plants := []plant{article(t)}
	for range map[bool]int{false: 20, true: 5}[testing.Short()] {
		plants = append(plants, randomPlant(r, l))
	}
	for _, p := range plants {
		const noise = 2e-5
		q := p.problem(r, noise)
		c, err := Find(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		holes := c.WithHoles(recipe.DefaultLo, recipe.DefaultHi)
		program := c.Recipe.Program()
		for b, id := range q.Blocks {
			limit := 5 * noise * math.Sqrt(float64(len(p.names)))
			check := func(what string, column []float64) {
				for i, w := range program.Weights(column) {
					if k := slices.Index(q.Names, program.Sources[i]); math.Abs(w-q.Weights[b][k]) > limit {
						t.Errorf("block %s: %s gives %s %v, not %v\n%v", l.Name(id), what, q.Names[k], w, q.Weights[b][k], c.Recipe)
					}
				}
			}
			check("the recipe", c.Recipe.Column(id))
			column := c.Column(id, q.Weights[b])
			check("the column", column)
			for k, v := range c.Recipe.Column(id) {
				if hole := holes.Ratio(id, k); hole.Hole == recipe.Fixed && hole.Value != v {
					t.Errorf("block %s: position %d is %v with holes and %v without", l.Name(id), k, hole.Value, v)
				} else if hole.Hole == recipe.Own && v == 0 {
					t.Errorf("block %s: position %d is open, but nothing is merged", l.Name(id), k)
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

// TestEvidence sees that no number is longer than its evidence: with one digit
// less it would be out of the tolerance of some block.
func TestEvidence(t *testing.T) {
	l := layout(t)
	r := rand.New(rand.NewPCG(21, 22))
	for range map[bool]int{false: 30, true: 8}[testing.Short()] {
		p := randomPlant(r, l)
		c, err := Find(context.Background(), p.problem(r, math.Pow(10, -5+2.5*r.Float64())))
		if err != nil {
			continue // too much noise
		}
		for _, piece := range c.pieces {
			x, part := piece.chain(), piece.part
			left := part.whole()
			for k := len(x.steps) - 1; k >= 0; k-- {
				for n, i := range x.steps[k].models() {
					row := [2]typedRow{x.alpha[k], x.beta[k]}[n]
					if x.steps[k].how == whole && k > 0 { // the first may stand for 1 minus what was typed
						checkEvidence(t, part.estimates(left, x.structure, k, i), row.numbers)
					}
				}
				part.undo(left, x.steps[k], x.alpha[k], x.beta[k])
			}
		}
		if t.Failed() {
			t.Fatalf("%v", c.Recipe)
		}
	}
}

func checkEvidence(t *testing.T, e []estimate, numbers []float64) {
	t.Helper()
	for _, v := range numbers {
		scale := 1.0
		for math.Abs(v*scale-math.Round(v*scale)) > 1e-7 {
			scale *= 10
		}
		if scale == 1 {
			continue
		}
		scale /= 10
		for _, short := range []float64{math.Floor(v*scale) / scale, math.Ceil(v*scale) / scale} {
			tooLong := true
			for b, x := range numbers {
				tooLong = tooLong && (x != v || e[b].allows(short, ownTolerance))
			}
			if tooLong {
				t.Errorf("%v could be %v", v, short)
			}
		}
	}
}

// TestUnknown lets a block have any number where nothing is known of it.
func TestUnknown(t *testing.T) {
	p, q := planted(t, "A + (B - V) x 0.45 = T\nT x 0.85 + C x 0.15 = R\n", "V", "A", 1e-5)
	for i := range q.Names {
		q.Weights[3][i], q.SE[3][i] = 0, math.Inf(1)
	}
	c, err := Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, same := tally(p, c); !same {
		t.Errorf("found\n%v", c.Recipe)
	}
}

// TestPart searches the outputs only: other blocks stay the first model's.
func TestPart(t *testing.T) {
	p, q := planted(t, "A + (B - V) x 0.45 = T\nT x 0.85 + C x 0.15 = R\n", "V", "A", 1e-5)
	q.Blocks, q.Weights, q.SE = q.Blocks[14:], q.Weights[14:], q.SE[14:]
	c, err := Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	for id := range block.ID(26) {
		flat := c.Recipe.Flatten(id)
		if want := p.recipe.Flatten(id)["A"]; id >= 14 && flat["A"].Cmp(want) != 0 || id < 14 && len(flat) != 1 {
			t.Errorf("block %d has %v", id, flat)
		}
	}
	if c.Column(3, q.Weights[0]) != nil {
		t.Error("a column for a block that was not searched")
	}
}

func TestErrors(t *testing.T) {
	_, q := planted(t, "A x 0.85 + C x 0.15 = R\n", "", "", 1e-5)
	for b := range q.Weights { // there is no such mix
		q.Weights[b] = []float64{40, -39}
	}
	if _, err := Find(context.Background(), q); !errors.Is(err, ErrNone) {
		t.Errorf("ratios of 40: %v", err)
	}
	for _, spoil := range []func(*Problem){
		func(p *Problem) { p.Blocks = nil },
		func(p *Problem) { p.Weights = p.Weights[1:] },
		func(p *Problem) { p.SE[2] = p.SE[2][1:] },
		func(p *Problem) { p.SE[2][0] = math.NaN() },
		func(p *Problem) { p.Weights[2][0] = math.NaN() },
		func(p *Problem) { p.Base = 2 },
		func(p *Problem) { p.Blocks[1] = 0 },
		func(p *Problem) { p.Layout = nil },
	} {
		_, q := planted(t, "A x 0.85 + C x 0.15 = R\n", "", "", 1e-5)
		spoil(q)
		if _, err := Find(context.Background(), q); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%v", err)
		}
	}
}
