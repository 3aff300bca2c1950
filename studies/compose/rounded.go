package compose

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// Ratios may be off by so many standard errors to be a shorter number, and by
// somewhat more to be one that several blocks share.
const (
	roundingTolerance = 2.5
	sharingTolerance  = 1.2 // times that
)

// tolerance is by how much the weight of model i may be off in block id.
func (c *Composition) tolerance(id block.ID, fit *similarity.Fit, i int) float64 {
	return c.toleranceOf(id, similarity.Estimate{SE: fit.SE[i], Doubles: fit.Doubles[i]})
}

// toleranceOf is by how much a weight may be off in block id. Where a model is
// missing that may cost a tenth of what a step is worth: the digits beyond would be
// those of the closest mix, which is not the recipe.
func (c *Composition) toleranceOf(id block.ID, e similarity.Estimate) float64 {
	if c.blocks.AtNoise(id) {
		return roundingTolerance * e.SE
	}
	return math.Sqrt(similarity.WorthElse/10) * e.Doubles
}

// finest is the least that a ratio may be off: nobody types more digits, and in
// models of billions of numbers, where the errors say less, what rounding has in common
// with the models is more.
const finest = 2e-6

// A draft is the column of a block while it is written down, last step first.
type draft struct {
	id    block.ID
	fixed map[int]float64     // the weights of the models written down
	best  *similarity.Pinning // of the models still to come
	rest  float64             // the weight left for them
}

// Rounded returns the columns of all blocks, in ratios as short and as few as
// the error bars allow. Going from the last step to the first, the ratios of a
// step are estimated, numbers are chosen that serve as many blocks as they can,
// and what is left is solved anew, so that the other ratios make good what
// rounding one did.
func (c *Composition) Rounded(ctx context.Context) (map[block.ID][]float64, error) {
	drafts := make([]*draft, len(c.ids))
	for i, id := range c.ids {
		drafts[i] = &draft{id, map[int]float64{}, c.blocks.Pin(id, c.sources[id]), 1}
	}
	for _, i := range slices.Backward(c.loras) {
		if err := c.writeDown(ctx, drafts, i, func(*draft) scale { return scale{size: 1} }); err != nil {
			return nil, err
		}
	}
	for _, some := range slices.Backward(c.broughtIn()) {
		// The ratios of a weight sum or a triple sum are shares of what is left.
		left := map[*draft]float64{}
		for _, d := range drafts {
			left[d] = d.rest
		}
		for _, i := range slices.Backward(some) {
			if i == c.subtracted {
				continue
			}
			if err := c.writeDown(ctx, drafts, i, func(d *draft) scale {
				switch {
				case c.tree != nil:
					return c.treeScale(d, i)
				case c.subtracted < 0:
					return scale{size: left[d]}
				}
				return scale{size: 1}
			}); err != nil {
				return nil, err
			}
		}
	}
	// Left are the first model and, in a chain of differences, the one subtracted.
	if err := c.writeDown(ctx, drafts, c.order[0], func(*draft) scale { return scale{size: 1} }); err != nil {
		return nil, err
	}
	columns := map[block.ID][]float64{}
	for _, d := range drafts {
		w := make([]float64, len(c.blocks.Names))
		for i, v := range d.fixed {
			w[i] = v
		}
		if free := d.best.Free(); len(free) == 1 {
			w[free[0]] = trim(d.rest)
		}
		columns[d.id] = c.column(w)
	}
	return columns, nil
}

// A scale turns the weight of a model in a block into the ratio that brings it
// in: ratio = (weight + offset) / size.
type scale struct{ size, offset float64 }

// treeScale returns the scale of the step of a tree that brings in model i: its
// ratio holds what hangs from i, too, which is written down already.
func (c *Composition) treeScale(d *draft, i int) scale {
	s := scale{size: 1}
	if c.treeStep(i).negative {
		s.size = -1
	}
	for _, m := range c.order {
		if m != i && c.hangsFrom(m, i) {
			s.offset += d.fixed[m]
		}
	}
	return s
}

// writeDown fixes the ratios of model i in all blocks where it takes part and is
// not all that is left.
func (c *Composition) writeDown(ctx context.Context, drafts []*draft, i int, scaleOf func(*draft) scale) error {
	var at []*draft
	var scales []scale
	var estimates []estimate
	for _, d := range drafts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if free := d.best.Free(); len(free) < 2 || !slices.Contains(free, i) {
			continue
		}
		e, err := d.best.Weight(i, c.blocks.AtNoise(d.id))
		if err != nil {
			return err
		}
		s := scaleOf(d)
		at, scales = append(at, d), append(scales, s)
		estimates = append(estimates, estimate{(e.Weight + s.offset) / s.size, c.toleranceOf(d.id, e) / math.Abs(s.size)})
	}
	for k, v := range shared(estimates) {
		d, s := at[k], scales[k]
		d.fixed[i] = float64(v*s.size) - s.offset
		if !c.blocks.IsDifference(i) {
			d.rest -= d.fixed[i]
		}
		d.best.Fix(i, d.fixed[i])
	}
	return nil
}

// An estimate is what the inner products say of one ratio: the value, and how
// far from it a number may lie that says the same.
type estimate struct{ value, tolerance float64 }

// shared returns a number for each estimate, within its tolerance: as few
// different ones as can be found by taking, again and again, the stretch that
// most of the estimates left have in common, and in it the shortest number.
func shared(estimates []estimate) []float64 {
	out := make([]float64, len(estimates))
	var left []int
	for i, e := range estimates {
		estimates[i].tolerance = min(max(e.tolerance, finest), 0.05)
		left = append(left, i)
	}
	for len(left) > 0 {
		var best []int
		for _, k := range left { // the stretch begins where that of some estimate does
			at := estimates[k].value - estimates[k].tolerance
			var some []int
			for _, i := range left {
				if e := estimates[i]; e.value-e.tolerance <= at && at <= e.value+e.tolerance {
					some = append(some, i)
				}
			}
			if len(some) > len(best) {
				best = some
			}
		}
		lo, hi, sum, weight := math.Inf(-1), math.Inf(1), 0.0, 0.0
		for _, i := range best {
			e := estimates[i]
			tolerance := e.tolerance
			if len(best) > 1 {
				tolerance *= sharingTolerance
			}
			lo, hi = max(lo, e.value-tolerance), min(hi, e.value+tolerance)
			sum += e.value / (e.tolerance * e.tolerance)
			weight += 1 / (e.tolerance * e.tolerance)
		}
		v := shortestIn(lo, hi, sum/weight)
		for _, i := range best {
			out[i] = v
		}
		left = slices.DeleteFunc(left, func(i int) bool { return slices.Contains(best, i) })
	}
	return out
}
