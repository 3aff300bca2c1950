package chain

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"mixmatch/merge/recipe"
)

// article reads the recipe of the article, nineteen steps that three groups of
// blocks took apart.
func article(t testing.TB) plant {
	t.Helper()
	text, err := os.ReadFile("../../demo/blessing.txt")
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(layout(t), string(text), recipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := plant{recipe: r, names: r.Sources()}
	p.base = slices.Index(p.names, "v1-5-pruned-emaonly")
	return p
}

// TestArticle looks for the numbers that the author of the article typed, under
// several draws of the noise: where chains are exactly as short, one draw says
// little. Two numbers are never the shortest: 0.18 added after 0.9 of all is 0.2
// before, and 0.06 and 0.08 added in two steps are 0.14 in one.
func TestArticle(t *testing.T) {
	p := article(t)
	least, most, sum, told := math.MaxInt, 0, 0, 0
	draws, total := 6, 0
	if testing.Short() {
		draws = 2
	}
	for s := range draws {
		q := p.problem(rand.New(rand.NewPCG(uint64(100+s), 4)), 2e-5)
		q.Kept = slices.Index(p.names, "OpenBra")
		c, err := Find(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		n, total = articleNumbers(p, c.Recipe)
		best := n
		for _, a := range c.Alternatives {
			m, _ := articleNumbers(p, a.Recipe)
			best = max(best, m)
		}
		least, most, sum, told = min(least, n), max(most, n), sum+n, told+best
		if s == 0 {
			t.Logf("%d steps, %.1f bits, %d others\n%v", len(c.Recipe.Steps), c.Bits, len(c.Alternatives), c.Recipe)
		}
	}
	t.Logf("of the %d numbers typed %d to %d are among those printed, for the same model and mode, %.1f on average; %.1f in the best of the alternatives",
		total, least, most, float64(sum)/float64(draws), float64(told)/float64(draws))
	if least < 15 || told < draws*(total-3) {
		t.Errorf("%d numbers, %d with alternatives", least, told)
	}
}

// articleNumbers returns how many of the numbers typed in a recipe r has, for the
// same model and mode, and how many there are.
func articleNumbers(p plant, r *recipe.Recipe) (found, total int) {
	made := map[string]bool{}
	look := func(s recipe.Step) {
		for _, v := range numbersOf(s.Alpha) {
			total++
			if slices.ContainsFunc(r.Steps, func(x recipe.Step) bool { return has(x, s, v) }) {
				found++
			}
		}
	}
	for _, s := range p.recipe.Steps {
		made[s.Out] = true
		switch {
		case s.Mode == recipe.SumTwice: // the same as two weight sums
			look(recipe.Step{A: s.A, B: s.B, Alpha: s.Alpha, Out: s.Out})
			look(recipe.Step{A: s.Out, B: s.C, Alpha: s.Beta, Out: s.Out})
		case !made[s.B]: // else it joins two chains
			look(s)
		}
	}
	return found, total
}

// has reports whether step x brings in the model of s in the same mode, with the
// number v somewhere in its row. The models of a weight sum may have changed
// places.
func has(x, s recipe.Step, v float64) bool {
	switch {
	case x.Mode == s.Mode && x.B == s.B && x.C == s.C:
	case x.Mode == recipe.WeightSum && s.Mode == recipe.WeightSum && x.A == s.B:
		v = 1 - v
	default:
		return false
	}
	return slices.ContainsFunc(x.Alpha, func(q recipe.Ratio) bool { return math.Abs(q.Value-v) < 1e-9 })
}

// numbersOf returns the different numbers of a row, but 0.
func numbersOf(row recipe.Row) []float64 {
	var v []float64
	for _, q := range row {
		if q.Value != 0 && !slices.Contains(v, q.Value) {
			v = append(v, q.Value)
		}
	}
	return v
}
