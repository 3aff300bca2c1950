package live

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
)

// A variation is what may vary in a set of blocks: some ratios, each the same in all
// blocks of the set where it is free. It changes the columns of its own blocks only.
type variation struct {
	*desk
	recipe  *recipe.Recipe
	set     []int
	columns [][]float64
	free    [][]bool

	positions []int // what varies
}

// solve puts the best ratios into the columns.
func (v *variation) solve(ctx context.Context) error {
	for pos := range v.columns[v.set[0]] {
		if slices.ContainsFunc(v.set, func(i int) bool { return v.free[i][pos] }) {
			v.positions = append(v.positions, pos)
		}
	}
	if len(v.positions) == 0 {
		return nil
	}
	lo, hi := make([]float64, len(v.positions)), make([]float64, len(v.positions))
	now := make([]float64, len(v.positions))
	for k, pos := range v.positions {
		lo[k], hi[k] = v.bounds(v.recipe, pos)
		sum, n := 0.0, 0.0
		for _, i := range v.set {
			if v.free[i][pos] {
				sum += v.columns[i][pos]
				n++
			}
		}
		now[k] = sum / n
	}
	const least = 1e-16 // of what is gained, or the sliders stay where they are
	l := v.landscape()
	best, value := []float64(nil), math.Inf(1)
	if v.together(now) {
		var err error
		if value, err = l.value(now); err != nil {
			return err
		}
	}
	ceiling := 0.0
	for _, i := range v.set {
		ceiling += v.best[v.IDs[i]].Loss / float64(len(v.set))
	}
	for _, start := range v.starts(now, lo, hi) {
		if value <= ceiling+least {
			break
		}
		x, at, err := l.descend(ctx, start, lo, hi)
		if err != nil {
			return err
		}
		if at < value-least {
			best, value = x, at
		}
	}
	if best != nil {
		v.put(best)
	}
	return nil
}

// together reports whether the sliders of tied blocks stand at x.
func (v *variation) together(x []float64) bool {
	for k, pos := range v.positions {
		for _, i := range v.set {
			if v.free[i][pos] && v.columns[i][pos] != x[k] {
				return false
			}
		}
	}
	return true
}

// starts returns where searches begin: where the sliders stand, and at the same share
// everywhere, which leaves no step without effect.
func (v *variation) starts(now, lo, hi []float64) [][]float64 {
	all := [][]float64{now}
	for _, share := range []float64{0.1, 0.5} {
		x := make([]float64, len(now))
		for k := range x {
			x[k] = min(max(share, lo[k]), hi[k])
		}
		all = append(all, x)
	}
	return all
}

// put writes ratios into the columns where they are free.
func (v *variation) put(x []float64) {
	for k, pos := range v.positions {
		for _, i := range v.set {
			if v.free[i][pos] {
				v.columns[i][pos] = x[k]
			}
		}
	}
}

// check returns an error if weights w give a share of block id to a source that has no
// such tensors.
func (d *desk) check(id block.ID, w []float64) error {
	const some = 1e-9
	for i, x := range w {
		if math.Abs(x) > some && d.Blocks.Lacks(id, i) {
			return conflict("%s: the recipe mixes %s, which has no such tensors: set its ratio there to 0 and lock it", d.Blocks.Layout.Name(id), safetext.Line(d.Blocks.Names[i]))
		}
	}
	return nil
}
