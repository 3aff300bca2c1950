package chain

import (
	"fmt"
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

// TestArticle looks for the numbers that the author of the article typed.
func TestArticle(t *testing.T) {
	p := article(t)
	q := p.problem(rand.New(rand.NewPCG(3, 4)), 2e-5)
	q.Kept = slices.Index(p.names, "OpenBra")
	c, err := Find(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d steps, %.1f bits, %d others\n%v", len(c.Recipe.Steps), c.Bits, len(c.Alternatives), c.Recipe)
	found, total := 0, 0
	for _, s := range p.recipe.Steps {
		var missing []float64
		for _, v := range numbersOf(s.Alpha) {
			total++
			ok := slices.ContainsFunc(c.Recipe.Steps, func(x recipe.Step) bool {
				has := func(row recipe.Row, v float64) bool {
					return slices.ContainsFunc(row, func(q recipe.Ratio) bool { return math.Abs(q.Value-v) < 1e-9 })
				}
				switch {
				case x.Mode == s.Mode && x.B == s.B && x.C == s.C:
					return has(x.Alpha, v)
				case x.Mode == s.Mode && x.A == s.B && s.Mode == recipe.WeightSum:
					return has(x.Alpha, 1-v)
				}
				return false
			})
			if ok {
				found++
			} else {
				missing = append(missing, v)
			}
		}
		if len(missing) > 0 {
			t.Logf("%v of %s is not among them: %v", s.Mode, s.Out, fmt.Sprint(missing))
		}
	}
	t.Logf("%d of the %d numbers that the author typed are among those printed, for the same model and mode", found, total)
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
