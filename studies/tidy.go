package studies

import (
	"cmp"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A partial is a block whose ratios are being written down, last step first.
type partial struct {
	id    block.ID
	fixed map[int]float64 // the weights written down
	free  []int           // the models still to come
	rest  float64         // what is left for them
}

// A reading is what the inner products say of one ratio: the value, and how
// far from it a number may lie that says the same.
type reading struct{ value, slack float64 }

// Ratios may be off by so many standard errors to be a shorter number, and by
// somewhat more to be one that several blocks agree on.
const (
	liberty   = 2.5
	agreement = 1.2 // times that
)

// liberty is by how many standard errors a ratio may be off in block id. Where a
// model is missing it may cost a tenth of what a step is worth: the digits beyond
// that would be those of the closest mix, which is not the recipe.
func (c *composition) liberty(id block.ID) float64 {
	if c.blocks.AtNoise(id) {
		return liberty
	}
	return max(liberty, math.Sqrt(worthElse/10*float64(c.blocks.Len(id))))
}

// tidy returns the columns of all blocks searched, in ratios as short and as
// few as the error bars allow. Going from the last step to the first, the
// ratios of a step are read, numbers are chosen that serve as many blocks as
// they can, and what is left is solved anew, so that the other ratios make good
// what rounding one did.
func (c *composition) tidy() (map[block.ID][]float64, error) {
	parts := make([]*partial, len(c.ids))
	for i, id := range c.ids {
		parts[i] = &partial{id, map[int]float64{}, slices.Clone(c.support[id]), 1}
	}
	groups := c.groups()
	for k := len(groups) - 1; k >= 0; k-- {
		// The ratios of a weight sum or a triple sum are shares of what is left.
		left := map[*partial]float64{}
		for _, p := range parts {
			left[p] = p.rest
		}
		for _, i := range slices.Backward(groups[k]) {
			if i == c.diff {
				continue
			}
			if err := c.write(parts, i, func(p *partial) unit {
				switch {
				case c.tree != nil:
					return c.treeUnit(p, i)
				case c.diff < 0:
					return unit{size: left[p]}
				}
				return unit{size: 1}
			}); err != nil {
				return nil, err
			}
		}
	}
	// Left are the first model and, in a chain of differences, the one subtracted.
	if err := c.write(parts, c.order[0], func(*partial) unit { return unit{size: 1} }); err != nil {
		return nil, err
	}
	columns := map[block.ID][]float64{}
	for _, p := range parts {
		w := make([]float64, len(c.blocks.Names))
		for i, v := range p.fixed {
			w[i] = v
		}
		if len(p.free) == 1 {
			w[p.free[0]] = round(p.rest)
		}
		columns[p.id] = c.column(w)
	}
	return columns, nil
}

// A unit is what a ratio of 1 weighs in a block, and what else the ratio holds
// beside a model's weight: it is (weight + beside) / size.
type unit struct{ size, beside float64 }

// treeUnit returns the unit of the step of a tree that brings in model i: its
// ratio holds what hangs from i, too, which is written down already.
func (c *composition) treeUnit(p *partial, i int) unit {
	u := unit{size: 1}
	if c.link(i).negative {
		u.size = -1
	}
	for _, m := range c.order {
		if m != i && c.under(m, i) {
			u.beside += p.fixed[m]
		}
	}
	return u
}

// write chooses the ratios of model i in all blocks where it takes part and is
// not all that is left.
func (c *composition) write(parts []*partial, i int, unitOf func(*partial) unit) error {
	var at []*partial
	var units []unit
	var readings []reading
	for _, p := range parts {
		if len(p.free) < 2 || !slices.Contains(p.free, i) {
			continue
		}
		fit, err := c.blocks.Fit(p.id, p.free, p.fixed)
		if err != nil {
			return err
		}
		u := unitOf(p)
		at, units = append(at, p), append(units, u)
		readings = append(readings, reading{(fit.Weights[i] + u.beside) / u.size, c.liberty(p.id) * fit.SE[i] / math.Abs(u.size)})
	}
	for k, v := range agree(readings) {
		p, u := at[k], units[k]
		p.fixed[i] = v*u.size - u.beside
		p.rest -= p.fixed[i]
		p.free = slices.DeleteFunc(p.free, func(m int) bool { return m == i })
	}
	return nil
}

// agree returns a number for each reading, within its slack: as few different
// ones as can be found by taking, again and again, the stretch that most of
// the readings left can agree on, and in it the shortest number.
func agree(readings []reading) []float64 {
	out := make([]float64, len(readings))
	var left []int
	for i, r := range readings {
		readings[i].slack = min(max(r.slack, 1e-7), 0.05)
		left = append(left, i)
	}
	for len(left) > 0 {
		var best []int
		for _, k := range left { // a stretch most agree on begins where some reading's does
			at := readings[k].value - readings[k].slack
			var some []int
			for _, i := range left {
				if r := readings[i]; r.value-r.slack <= at && at <= r.value+r.slack {
					some = append(some, i)
				}
			}
			if len(some) > len(best) {
				best = some
			}
		}
		lo, hi, sum, weight := math.Inf(-1), math.Inf(1), 0.0, 0.0
		for _, i := range best {
			r := readings[i]
			slack := r.slack
			if len(best) > 1 {
				slack *= agreement
			}
			lo, hi = max(lo, r.value-slack), min(hi, r.value+slack)
			sum += r.value / (r.slack * r.slack)
			weight += 1 / (r.slack * r.slack)
		}
		v := within(lo, hi, sum/weight)
		for _, i := range best {
			out[i] = v
		}
		left = slices.DeleteFunc(left, func(i int) bool { return slices.Contains(best, i) })
	}
	return out
}

// within returns the shortest decimal from lo to hi, and of those the nearest
// to v.
func within(lo, hi, v float64) float64 {
	v = min(max(v, lo), hi)
	for scale := 1.0; scale < 1e9; scale *= 10 {
		floor, ceil := math.Floor(v*scale)/scale, math.Ceil(v*scale)/scale
		candidates := []float64{floor, ceil}
		slices.SortStableFunc(candidates, func(a, b float64) int { return cmp.Compare(math.Abs(a-v), math.Abs(b-v)) })
		for _, r := range candidates {
			if lo <= r && r <= hi {
				return r + 0 // no negative zero
			}
		}
	}
	return v
}

// shortest returns the shortest decimal within h of v.
func shortest(v, h float64) float64 { return within(v-h, v+h, v) }
