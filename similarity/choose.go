package similarity

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/portable"
)

// Which models the mixes of all blocks together need: a forward selection over
// all blocks at once, each in units of what all models together leave of it, and
// then a backward pruning. (Orthogonal least squares: Chen, Billings and Luo, Int.
// J. Control 50, 1989.)

// WorthAtNoise and WorthElse are the share of what is left that a model must explain
// to be worth a step, where what is left is rounding and where it is another model.
const (
	WorthAtNoise = 0.01
	WorthElse    = 0.001
)

// A contest is one block in a forward selection: products of the models' deltas
// and the target's, less what the models chosen explain of them.
type contest struct {
	*analysis
	worth  float64
	g      []float64 // n-1 square
	c      []float64
	own    []float64 // squared lengths at the start
	left   float64   // squared length of the target's delta
	absent []bool
	free   int // models that can be told apart and are not chosen
}

func (a *analysis) contest(worth float64, absent []bool) *contest {
	n := len(a.weights)
	q := &contest{analysis: a, worth: worth, g: make([]float64, (n-1)*(n-1)), c: make([]float64, n-1), left: a.on.p[len(a.on.p)-1], absent: absent}
	for i := range n - 1 {
		q.c[i] = a.on.p[(i+2)*(n+1)-1]
		for j := range n - 1 {
			q.g[i*(n-1)+j] = a.on.p[(i+1)*(n+1)+j+1]
		}
		q.own = append(q.own, q.g[i*(n-1)+i])
		if a.told[i+1] {
			q.free++
		}
	}
	return q
}

// gain returns how much of what is left model i, not the first, explains.
func (q *contest) gain(i int) float64 {
	n := len(q.c)
	u := q.g[(i-1)*n+i-1]
	if !(q.own[i-1] > q.on.clear()) || !(u > 1e-6*q.own[i-1]) || u <= q.on.least() {
		return 0
	}
	return q.c[i-1] * q.c[i-1] / u
}

// take takes what model i explains from everything.
func (q *contest) take(i int) {
	q.left = max(0, q.left-q.gain(i))
	n, k := len(q.c), i-1
	u := q.g[k*n+k]
	if q.told[i] {
		q.free--
	}
	if !(q.own[k] > q.on.clear()) || !(u > 1e-6*q.own[k]) || u <= q.on.least() {
		return
	}
	row, c := slices.Clone(q.g[k*n:k*n+n]), q.c[k]
	for j := range n {
		f := row[j] / u
		if f == 0 {
			continue
		}
		q.c[j] -= float64(f * c)
		for l := range n {
			q.g[j*n+l] -= float64(f * row[l])
		}
	}
}

// unit is what is left of an element when all models are fitted.
func (q *contest) unit() float64 { return q.phi * q.on.noise / q.len }

// excess is how far what is left is beyond what chance lets models that have no
// part explain, as a multiple: an F test, with a little of the noise to spare.
func (q *contest) excess(left float64, free int) float64 {
	df := float64(max(0, free))
	return (left - q.rss) / (q.unit() * (df + float64(5*math.Sqrt(float64(2*df)+1)) + 4 + float64(q.worth*q.len)))
}

// choose returns the models that mixes need to come as close as all models
// together do, in the order of what each adds. The first model, from which the
// others are measured, stands among them if it cannot be left out.
func (b *Blocks) choose(ctx context.Context, blocks []*analysis, worth float64) ([]int, error) {
	n := len(b.Names)
	var contests []*contest
	for _, a := range blocks {
		contests = append(contests, a.contest(worth, b.sums[a.id].absent))
	}
	var chosen []int
	for len(chosen) < n-1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		most := 0.0
		for _, q := range contests {
			most = max(most, q.excess(q.left, q.free))
		}
		if most <= 1 {
			break
		}
		best, score := 0, 1e-9
		for i := 1; i < n; i++ {
			if slices.Contains(chosen, i) {
				continue
			}
			sum := 0.0
			for _, q := range contests {
				limit := float64(q.unit() * (25 + float64(q.worth*q.len)))
				sum += portable.Log(q.left+limit) - portable.Log(max(0, q.left-q.gain(i))+limit)
			}
			if sum > score {
				best, score = i, sum
			}
		}
		if best == 0 {
			break
		}
		chosen = append(chosen, best)
		for _, q := range contests {
			q.take(best)
		}
	}
	return prune(ctx, contests, append(chosen, 0))
}
