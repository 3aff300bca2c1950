package similarity

import (
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
func (b *Blocks) choose(blocks []*analysis, worth float64) []int {
	n := len(b.Names)
	var contests []*contest
	for _, a := range blocks {
		contests = append(contests, a.contest(worth, b.sums[a.id].absent))
	}
	var chosen []int
	for len(chosen) < n-1 {
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
	return prune(contests, append(chosen, 0))
}

// prune takes from the models chosen, one by one, those whose absence nobody
// would notice.
func prune(contests []*contest, chosen []int) []int {
	for len(chosen) > 1 {
		hurt := make([]float64, len(chosen))
		for _, q := range contests {
			some, firsts := q.among(chosen)
			left, grows := q.without(some)
			free := 1 - len(some)
			for _, t := range q.told {
				if t {
					free++
				}
			}
			for k, i := range chosen {
				if i < q.models && !slices.ContainsFunc(chosen, func(j int) bool { return j != i && j < q.models }) {
					hurt[k] = math.Inf(1) // the only model: differences are none
					continue
				}
				as := i
				if !q.clear(i) {
					if as = 0; firsts > 1 || q.absent[i] || i >= q.models {
						continue // another is the same here, or it has no such tensors
					}
				}
				if at := slices.Index(some, as); at >= 0 {
					hurt[k] = max(hurt[k], q.excess(left+grows[at], free))
				}
			}
		}
		least := 0
		for k := range hurt {
			if hurt[k] < hurt[least] {
				least = k
			}
		}
		if hurt[least] > 1 {
			break
		}
		chosen = slices.Delete(chosen, least, least+1)
	}
	return chosen
}

// clear reports whether model i is another than the first in this block.
func (q *contest) clear(i int) bool { return i > 0 && q.own[i-1] > q.on.clear() }

// among returns those of some models that are clear in this block, ascending, and
// before them the first model for all that are as it is there, however many, or where
// there are only differences.
func (q *contest) among(some []int) (out []int, firsts int) {
	for _, i := range some {
		switch {
		case q.clear(i):
			out = append(out, i)
		case !q.absent[i] && i < q.models:
			firsts++
		}
	}
	slices.Sort(out)
	if firsts > 0 || len(out) > 0 && out[0] >= q.models { // what differences are added to is another's, but in this block the first
		out = append([]int{0}, out...)
	}
	return out, firsts
}

// without returns what the affine mix of some models that comes closest leaves,
// and by how much that grows where each is left out.
func (q *contest) without(some []int) (left float64, grows []float64) {
	grows = make([]float64, len(some))
	n := len(q.weights)
	if len(some) == 0 {
		return q.on.p[len(q.on.p)-1], grows
	}
	rows := regressors(make([]float64, n), 1, some, q.models)
	k := transform(rows, q.on.p)
	// The first row is the model itself, whose share is given; only differences.
	m, r := rows.rows, rows.rows-2
	sub := make([]float64, (r+1)*(r+1))
	for i := range r + 1 {
		for j := range r + 1 {
			sub[i*(r+1)+j] = k[(i+1)*m+j+1]
		}
	}
	z, inverse := leastSquares(sub, independent(sub, r, q.on.least()))
	left = sub[len(sub)-1]
	w, models := make([]float64, r+1), 1
	w[0] = 1
	for i, v := range z {
		left -= float64(v * sub[i*(r+1)+r])
		w[i+1] = v
		if some[i+1] < q.models {
			w[0] -= v
			models++
		}
	}
	cross := affine(inverse, r+1, models)
	for i := range some {
		if d := cross[i*(r+1)+i]; d > 0 {
			grows[i] = w[i] * w[i] / d
		}
	}
	if models == 1 {
		grows[0] = math.Inf(1) // no model would be left
	}
	return max(0, left), grows
}
