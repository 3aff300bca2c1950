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
	agreement = 1.4 // times that
)

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
	for k := len(c.order) - 1; k > 0; k-- {
		i := c.order[k]
		if i == c.diff {
			continue
		}
		err := c.write(parts, i, func(p *partial) (unit float64, ok bool) {
			if c.diff < 0 {
				unit = p.rest // the ratio of a weight sum is a share of what is left
			} else {
				unit = 1
			}
			return unit, len(p.free) > 1 && slices.Contains(p.free, i)
		})
		if err != nil {
			return nil, err
		}
	}
	// Left are the first model and, in a chain of differences, the one subtracted.
	first := c.order[0]
	err := c.write(parts, first, func(p *partial) (float64, bool) {
		return 1, len(p.free) > 1 && slices.Contains(p.free, first)
	})
	if err != nil {
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

// write chooses the ratios of model i in all blocks that have one. unit is
// what a ratio of 1 weighs in a block.
func (c *composition) write(parts []*partial, i int, unit func(*partial) (float64, bool)) error {
	var at []*partial
	var units []float64
	var readings []reading
	for _, p := range parts {
		u, ok := unit(p)
		if !ok {
			continue
		}
		fit, err := c.blocks.Fit(p.id, p.free, p.fixed)
		if err != nil {
			return err
		}
		at, units = append(at, p), append(units, u)
		readings = append(readings, reading{fit.Weights[i] / u, liberty * fit.SE[i] / math.Abs(u)})
	}
	for k, v := range agree(readings) {
		p := at[k]
		p.fixed[i] = v * units[k]
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
