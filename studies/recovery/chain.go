package recovery

import (
	"fmt"
	"math/rand/v2"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// chain returns a recipe that brings in one model after another, half of them by
// weight sums and half as differences from the base. With subtract at least one
// is a difference.
func chain(r *rand.Rand, l *block.Layout, names []string, subtract bool) *recipe.Recipe {
	var steps []recipe.Step
	must := r.IntN(len(names) - 1)
	for i, name := range names[1:] {
		s := recipe.Step{B: name, Alpha: row(r, l)}
		if r.IntN(2) == 0 || subtract && i == must {
			s.Mode, s.C = recipe.AddDifference, baseName
			most := pick(r, 0.3, 0.5, 0.8, 1.0)
			for k := range s.Alpha {
				s.Alpha[k].Value = min(s.Alpha[k].Value, most)
			}
		}
		steps = append(steps, s)
	}
	return link(l, names[0], steps)
}

// last returns c with one step more that gives the model called name the share
// given in all blocks: as a weight sum or as a difference.
func last(r *rand.Rand, c *recipe.Recipe, name string, share float64) *recipe.Recipe {
	s := recipe.Step{B: name, Alpha: recipe.Uniform(c.Layout, share)}
	if r.IntN(2) == 0 {
		s.Mode, s.C = recipe.AddDifference, baseName
	}
	return link(c.Layout, c.Steps[0].A, append(c.Clone().Steps, s))
}

// blend returns weight sums that give the models the weights given, which sum to
// 1, in all blocks.
func blend(l *block.Layout, names []string, weights []float64) *recipe.Recipe {
	var steps []recipe.Step
	total := weights[0]
	for i, name := range names[1:] {
		total += weights[i+1]
		steps = append(steps, recipe.Step{B: name, Alpha: recipe.Uniform(l, weights[i+1]/total)})
	}
	return link(l, names[0], steps)
}

// link makes a recipe of steps that each begin with what the one before made, the
// first with the model called first.
func link(l *block.Layout, first string, steps []recipe.Step) *recipe.Recipe {
	for i := range steps {
		steps[i].A, steps[i].Out = first, fmt.Sprintf("step%d", i+1)
		first = steps[i].Out
	}
	c, err := recipe.New(l, steps)
	if err != nil {
		panic(fmt.Sprintf("planted recipe: %v", err)) // a slip of ours
	}
	return c
}
