package similarity

import (
	"context"
	"math"
	"slices"
)

// prune takes from the models chosen, one by one, those whose absence nobody
// would notice.
func prune(ctx context.Context, contests []*contest, chosen []int) ([]int, error) {
	mixes := make([]mix, len(contests))
	for len(chosen) > 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hurt := make([]float64, len(chosen))
		for at, q := range contests {
			some, firsts := q.among(chosen)
			mixes[at].of(q, some)
			left, grows := mixes[at].without()
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
	return chosen, nil
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

// A mix is the affine mix of some models that comes closest in a block.
type mix struct {
	some   []int
	models int      // how many are models and no differences
	whole  bool     // each can be told apart from the others
	w      solution // of the weights, those of models summing to 1
}

// of makes m that of some models in a block. If they are those it was of but for one,
// that one is dropped.
func (m *mix) of(q *contest, some []int) {
	if m.whole && len(some) > 0 && len(some) == len(m.some)-1 {
		k := 0
		for k < len(some) && some[k] == m.some[k] {
			k++
		}
		if slices.Equal(some[k:], m.some[k+1:]) && !m.w.twin(k) {
			if m.some[k] < q.models {
				m.models--
			}
			m.w.drop(k)
			m.some = some
			return
		}
	}
	if m.some != nil && slices.Equal(some, m.some) {
		return
	}
	*m = q.mix(some)
}

// without returns what the mix leaves, and by how much that grows where each of its
// models is left out.
func (m *mix) without() (left float64, grows []float64) {
	grows = make([]float64, len(m.some))
	for i := range m.some {
		if d := m.w.h[i*m.w.n+i]; d > 0 {
			grows[i] = m.w.x[i] * m.w.x[i] / d
		}
	}
	if m.models == 1 {
		grows[0] = math.Inf(1) // no model would be left
	}
	return max(0, m.w.rest), grows
}

// mix solves for the weights of some models.
func (q *contest) mix(some []int) mix {
	n := len(q.weights)
	m := mix{some: some, w: solution{rest: q.on.p[len(q.on.p)-1]}}
	if len(some) == 0 {
		return m
	}
	rows := regressors(make([]float64, n), 1, some, q.models)
	k := transform(rows, q.on.p)
	// The first row is the model itself, whose share is given; only differences.
	of, r := rows.rows, rows.rows-2
	sub := make([]float64, (r+1)*(r+1))
	for i := range r + 1 {
		for j := range r + 1 {
			sub[i*(r+1)+j] = k[(i+1)*of+j+1]
		}
	}
	keep := independent(sub, r, q.on.least())
	z, inverse := leastSquares(sub, keep)
	left := sub[len(sub)-1]
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
	m.models, m.whole = models, !slices.Contains(keep, false) && !unsolved(inverse)
	m.w = solution{n: r + 1, x: w, h: affine(inverse, r+1, models), rest: left}
	return m
}
