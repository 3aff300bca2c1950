package similarity

import (
	"cmp"
	"math"
	"slices"

	"mixmatch/merge/portable"
)

// A guess takes each of n models in turn for what is missing from a block, and
// behind them, where the base of them all is not there, that base.
type guess struct {
	*analysis
	weight []float64    // n+1: of what is missing, were it like this model; NaN where the model cannot be told
	share  []float64    // n+1 rows of n: how much of i's weight is then not its own
	below  [2][]float64 // n+1: what the weights would have below zero, were it added and were it subtracted
}

// guess guesses at what is missing from the block, if all models but base (or
// all, if that is -1) are such as might be.
func (a *analysis) guess(base int) *guess {
	n := len(a.weights)
	g := &guess{analysis: a, weight: make([]float64, n+1), share: make([]float64, (n+1)*n)}
	over := max(0, a.rss-float64(1.5*a.on.noise))
	for k := range n {
		b, left, ok := a.like(k)
		if !ok || k == base || k >= a.models { // what is missing is a model
			g.weight[k] = math.NaN()
			continue
		}
		g.weight[k] = math.Sqrt(over / left)
		for i, v := range b {
			g.share[k*n+i] = g.weight[k] * v
		}
	}
	g.weight[n] = math.NaN()
	if base < 0 {
		if b, left, ok := a.centre(); ok {
			g.weight[n] = math.Sqrt(over / left)
			for i, v := range b {
				g.share[n*n+i] = g.weight[n] * v
			}
		}
	}
	for s, sign := range []float64{1, -1} {
		g.below[s] = make([]float64, n+1)
		for k := range n + 1 {
			for i, w := range a.weights {
				if i != base && i < a.models {
					g.below[s][k] += max(0, -(w - float64(sign*g.share[k*n+i])))
				}
			}
			if math.IsNaN(g.weight[k]) {
				g.below[s][k] = math.NaN()
			}
		}
	}
	return g
}

// centre returns the affine mix of the models that comes closest to the model they
// were all trained from, if training moved each its own way, and the squared length
// that it leaves. Then cross has -q_i q_j / Q off its diagonal and q_i (1 - q_i/Q) on
// it, where 1/q_i is the squared length of model i's own way and Q the sum of all q:
// the mix is q_i/Q, which the coefficients of the fits of all models come to on
// average, and leaves 1/Q.
func (a *analysis) centre() (coefficients []float64, left float64, ok bool) {
	n := len(a.weights)
	coefficients = make([]float64, n)
	sum, count := 0.0, 0
	for k := range a.models {
		b, _, ok := a.like(k)
		if !ok {
			continue
		}
		count++
		for i, v := range b[:a.models] {
			coefficients[i] += max(0, v)
			sum += max(0, v)
		}
	}
	if count < 3 || sum <= 0 {
		return nil, 0, false
	}
	var all []float64
	for i := range coefficients {
		coefficients[i] /= sum
		if q := coefficients[i]; q > 0 && q < 1 && a.cross[i*n+i] > 0 {
			all = append(all, a.cross[i*n+i]/(q*(1-q)))
		}
	}
	if len(all) == 0 {
		return nil, 0, false
	}
	slices.Sort(all)
	return coefficients, 1 / all[len(all)/2], true
}

// mostSubtracted is the largest weight that the base of add differences may have
// below zero: there may be several, each as much as a slider gives.
const mostSubtracted = 4

// A credit says how likely what is missing is like each model.
type credit struct {
	by       []float64 // model; they sum to 1
	negative float64   // the part of it for a negative weight
	none     bool      // no guess deserves any: what is missing is like none of the models
}

// credits gives each guess credit over all blocks: less the more it makes weights
// negative, and none if what is missing would weigh more than everything, or more
// than is ever subtracted.
func credits(guesses []*guess, signs bool) credit {
	if len(guesses) == 0 {
		return credit{}
	}
	n := len(guesses[0].weight)
	c := credit{by: make([]float64, n)}
	weight := medians(guesses, func(g *guess) []float64 { return g.weight })
	var below [][]float64
	least := math.Inf(1)
	for s := range 2 {
		if s == 1 && !signs {
			break
		}
		below = append(below, medians(guesses, func(g *guess) []float64 { return g.below[s] }))
		for _, v := range below[s] {
			if v < least {
				least = v
			}
		}
	}
	total := 0.0
	for s := range below {
		for k, v := range below[s] {
			if math.IsNaN(v) {
				continue
			}
			p := 1e-12
			if weight[k] < [2]float64{1, mostSubtracted}[s] {
				p += portable.Exp(-(v - least) / implausible)
			}
			c.by[k] += p
			total += p
			if s == 1 {
				c.negative += p
			}
		}
	}
	c.none = total < 1e-6
	if total > 0 {
		for k := range c.by {
			c.by[k] /= total
		}
		c.negative /= total
	}
	return c
}

// medians returns the medians over the blocks of what of gives, one number a
// guess; NaN, where a model cannot be told, does not count.
func medians(guesses []*guess, of func(g *guess) []float64) []float64 {
	out := make([]float64, len(guesses[0].weight))
	for k := range out {
		var some []float64
		for _, g := range guesses {
			if v := of(g)[k]; !math.IsNaN(v) {
				some = append(some, v)
			}
		}
		out[k] = math.NaN()
		if len(some) > 0 {
			slices.Sort(some)
			out[k] = (some[len(some)/2] + some[(len(some)-1)/2]) / 2
		}
	}
	return out
}

// errors returns, for each model's weight, what part of it is not its own on
// average over the guesses, how that varies, and its mean square.
func (g *guess) errors(c credit) (lean, spread, second []float64) {
	n := len(g.weights)
	lean, spread, second = make([]float64, n), make([]float64, n), make([]float64, n)
	total := 0.0
	for k, p := range c.by {
		if math.IsNaN(g.weight[k]) {
			continue
		}
		total += p
		for i := range n {
			v := g.share[k*n+i]
			lean[i] += float64(p * v)
			second[i] += float64(p * v * v)
		}
	}
	if total == 0 {
		return lean, spread, second
	}
	sign := 1 - 2*c.negative
	for i := range n {
		lean[i] /= total
		second[i] /= total
		lean[i] *= sign
		spread[i] = max(0, second[i]-float64(lean[i]*lean[i]))
	}
	return lean, spread, second
}

// gap returns the weight of what is missing, over the blocks that miss something.
func gap(guesses []*guess, c credit) *Unknown {
	if len(guesses) == 0 {
		return nil
	}
	middle := medians(guesses, func(g *guess) []float64 { return g.weight })
	u := &Unknown{
		Weight: quantile(middle, c.by, 0.5), Low: quantile(middle, c.by, 0.05), High: quantile(middle, c.by, 0.95),
		Subtracted: c.negative > 0.9,
	}
	count := 0
	for _, v := range middle {
		if !math.IsNaN(v) {
			count++
		}
	}
	if c.none {
		return &Unknown{}
	}
	if count < 3 { // nothing to tell by how models of this family differ
		u.Low, u.High = u.Weight/2, max(u.Weight, min(1, 2*u.Weight))
	}
	return u
}

func median(v, weight []float64) float64 { return quantile(v, weight, 0.5) }

// quantile returns the weighted quantile q of v, leaving out NaN; 0 of nothing.
func quantile(v, weight []float64, q float64) float64 {
	var at []int
	total := 0.0
	for i := range v {
		if !math.IsNaN(v[i]) {
			at = append(at, i)
			total += weight[i]
		}
	}
	slices.SortFunc(at, func(i, j int) int { return cmp.Compare(v[i], v[j]) })
	sum := 0.0
	for _, i := range at {
		if sum += weight[i]; sum >= q*total {
			return v[i]
		}
	}
	return 0
}
