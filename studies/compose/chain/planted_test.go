package chain

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

var (
	chains = flag.Int("chains", 40, "planted chains to find")
	seed   = flag.Uint64("seed", 1, "seed of the planted chains")
)

func layout(t testing.TB) *block.Layout {
	t.Helper()
	l, err := block.For(block.SD1, block.SM2025)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A plant is a chain with its recipe.
type plant struct {
	recipe *recipe.Recipe
	names  []string
	base   int
}

var palette = []float64{.05, .08, .1, .12, .15, .18, .2, .23, .25, .28, .3, .33, .35, .37, .4, .45, .5, .55, .6, .65, .7, .75, .8, .85}

// randomRow makes a row as people type it: one number, one for each part of the
// network, numbers of a small palette, or a range of blocks.
func randomRow(r *rand.Rand, l *block.Layout) recipe.Row {
	few := []float64{palette[r.IntN(len(palette))], palette[r.IntN(len(palette))], palette[r.IntN(len(palette))], 0}
	row := recipe.Uniform(l, few[0])
	switch r.IntN(4) {
	case 1:
		values := []float64{few[r.IntN(4)], few[0], few[r.IntN(3)], few[1]} // BASE, IN, M, OUT
		for i := range row {
			row[i].Value = values[[]int{0, 1, 2, 3}[part1(i)]]
		}
	case 2:
		for i := range row {
			row[i].Value = few[r.IntN(4)]
		}
		row[r.IntN(len(row))].Value = few[0]
	case 3:
		from := r.IntN(len(row) - 3)
		to := from + 2 + r.IntN(len(row)-from-2)
		for i := range row {
			if i < from || i > to {
				row[i].Value = 0
			}
		}
	}
	return row
}

func part1(i int) int {
	switch {
	case i == 0:
		return 0
	case i < 13:
		return 1
	case i == 13:
		return 2
	}
	return 3
}

// randomPlant makes a chain of 2 to 6 sources and, where steps add differences,
// their base.
func randomPlant(r *rand.Rand, l *block.Layout) plant { return sizedPlant(r, l, 2+r.IntN(5)) }

// sizedPlant makes a chain of n sources and their base.
func sizedPlant(r *rand.Rand, l *block.Layout, n int) plant {
	p := plant{names: []string{"base"}}
	for i := range n {
		p.names = append(p.names, fmt.Sprint("S", i+1))
	}
	order := r.Perm(n)
	last := p.names[1+order[0]]
	var steps []recipe.Step
	for k, i := range order[1:] {
		s := recipe.Step{A: last, B: p.names[1+i], Alpha: randomRow(r, l), Out: fmt.Sprint("T", k)}
		for b := range s.Alpha { // nobody replaces half of so many models again and again
			if v := &s.Alpha[b].Value; n > 10 {
				*v = math.Round(*v*25) / 100
			}
		}
		if r.IntN(2) == 0 {
			s.Mode, s.C = recipe.AddDifference, "base"
		}
		steps = append(steps, s)
		last = s.Out
	}
	var err error
	if p.recipe, err = recipe.New(l, steps); err != nil {
		panic(err)
	}
	return p
}

// problem returns the weights of a plant with noise, and errors of its size.
func (p plant) problem(r *rand.Rand, noise float64) *Problem {
	q := &Problem{Layout: p.recipe.Layout, Names: p.names, Base: p.base, Kept: -1}
	for id := range q.Layout.Blocks().All() {
		flat := p.recipe.Flatten(id)
		w, se := make([]float64, len(p.names)), make([]float64, len(p.names))
		for i, n := range p.names {
			if x := flat[n]; x != nil {
				w[i], _ = x.Float64()
			}
			w[i] += noise * r.NormFloat64()
			se[i] = noise
		}
		q.Blocks = append(q.Blocks, id)
		q.Weights, q.SE = append(q.Weights, w), append(q.SE, se)
	}
	return q
}

// tally counts the ratios of a plant that a chain has as typed, and whether all
// of its steps are there. The first two models of a chain may have changed
// places; a ratio of a block that a later step replaces cannot be known.
func tally(p plant, c *Chain) (typed, total int, same bool) {
	same = len(c.Recipe.Steps) == len(p.recipe.Steps)
	used := make([]bool, len(c.Recipe.Steps))
	for k, s := range p.recipe.Steps {
		best, at := -1, -1
		for j, f := range c.Recipe.Steps {
			row := f.Alpha
			switch {
			case used[j] || f.Mode != s.Mode || f.C != s.C:
				continue
			case f.B == s.B:
			case k == 0 && j == 0 && s.Mode == recipe.WeightSum && f.A == s.B && f.B == s.A:
				row = slices.Clone(row)
				for i := range row {
					row[i].Value = math.Round((1-row[i].Value)*1e9) / 1e9
				}
			default:
				continue
			}
			n := 0
			for i := range row {
				if math.Abs(row[i].Value-s.Alpha[i].Value) < 1e-9 {
					n++
				}
			}
			if n > best {
				best, at = n, j
			}
		}
		total += len(s.Alpha)
		if at >= 0 {
			used[at] = true
			typed += best
		}
		same = same && best == len(s.Alpha)
	}
	return typed, total, same
}

// TestPlanted finds planted chains from weights with noise, of which an exact
// study knows the size. With -v it prints the figures and those not found.
func TestPlanted(t *testing.T) {
	l := layout(t)
	r := rand.New(rand.NewPCG(*seed, 2))
	typed, total, whole, told := 0, 0, 0, 0
	if testing.Short() {
		*chains = min(*chains, 10)
	}
	for i := range *chains {
		p := randomPlant(r, l)
		noise := 1e-5 * math.Pow(10, r.Float64())
		q := p.problem(r, noise)
		c, err := Find(context.Background(), q)
		if err != nil {
			t.Errorf("%v\n%v", err, p.recipe)
			continue
		}
		n, m, same := tally(p, c)
		typed, total = typed+n, total+m
		if same {
			whole++
		} else if slices.ContainsFunc(c.Alternatives, func(a Alternative) bool {
			_, _, same := tally(p, &Chain{Recipe: a.Recipe})
			return same
		}) {
			told++
		}
		if !same && testing.Verbose() {
			t.Logf("chain %d, noise %.1g: %d of %d\nplanted, %.1f bits:\n%vfound, %.1f bits, %d others:\n%v", i, noise, n, m, plantedBits(p, q), p.recipe, c.Bits, len(c.Alternatives), c.Recipe)
		}
	}
	t.Logf("%d of %d chains found whole, %d more among the alternatives; %.1f %% of the ratios as typed", whole, *chains, told, 100*float64(typed)/float64(total))
	if float64(typed) < 0.9*float64(total) || 10*whole < 8**chains {
		t.Errorf("%d of %d ratios as typed", typed, total)
	}
}

// plantedBits returns the length of the planted chain itself.
func plantedBits(p plant, q *Problem) float64 {
	rows := make([]int, len(q.Blocks))
	for b := range rows {
		rows[b] = b
	}
	t := newPart(q, rows)
	model := func(name string) int { return slices.Index(t.models, slices.Index(q.Names, name)) }
	s := structure{first: model(p.recipe.Steps[0].A)}
	for _, x := range p.recipe.Steps {
		y := step{mode: x.Mode, b: model(x.B), c: -1}
		if x.C != "" {
			y.c = model(x.C)
		}
		s.steps = append(s.steps, y)
	}
	x, _ := t.solve(s, math.Inf(1))
	if x == nil {
		return math.NaN()
	}
	return x.bits
}
