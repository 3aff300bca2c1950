package compose

import (
	"cmp"
	"math"
	"slices"

	"mixmatch/optimize"
)

// Shorten returns the ratios x that a search found with as few digits as they
// can have, within the box, for the score to stay at most slack above value,
// their own. Lower scores are better. It calls score up to 23 times a ratio and
// gives up with its first error.
func Shorten(x []float64, box optimize.Box, value, slack float64, score func([]float64) (float64, error)) ([]float64, error) {
	x = slices.Clone(x)
	for i := len(x) - 1; i >= 0; i-- {
		v := x[i]
		for h := 0.05; h > 1e-8; h /= 2 {
			if x[i] = shortestIn(v-h, v+h, v); x[i] < box.Lower[i] || x[i] > box.Upper[i] {
				x[i] = v
				continue
			}
			got, err := score(x)
			if err != nil {
				return nil, err
			}
			if got <= value+slack*float64(len(x)-i)/float64(len(x)) {
				break
			}
			x[i] = v
		}
	}
	return x, nil
}

// Slack returns how much worse a value of 1 - cosine may get before the
// difference means something: what shifting n ratios by two standard errors each
// costs, with so many elements to judge by.
func Slack(value float64, n, elements int) float64 {
	return max(1e-12, 4*float64(n)*value/float64(max(1, elements)))
}

// shortestIn returns the shortest decimal from lo to hi, and of those the
// nearest to v.
func shortestIn(lo, hi, v float64) float64 {
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

// trim takes off the last bits, where decimals added up are not quite one.
func trim(v float64) float64 { return math.Round(v*1e10) / 1e10 }
