package similarity

import "slices"

// A scatter is what the variances of combinations of some rows follow from: the
// products of these rows in each tensor, as numbers, since there is one look at all of
// them for each variance.
type scatter struct {
	rows    []int // ascending
	tensors []*Products
	weight  func(*Products) float64
	p       [][]float64 // of each tensor, a triangle
}

func newScatter(tensors []*Products, weight func(*Products) float64, rows []int) *scatter {
	slices.Sort(rows)
	s := &scatter{rows: slices.Compact(rows), tensors: tensors, weight: weight}
	for _, t := range tensors {
		p := make([]float64, 0, triangle(len(s.rows)))
		left := s.rows // those not met
		for i, row := range t.P.some(func(i int) bool { return len(left) > 0 && i == left[0] }) {
			for _, j := range left {
				p = append(p, row[j-i])
			}
			left = left[1:]
		}
		s.p = append(s.p, p)
	}
	return s
}

// along returns the variance of the combination q of the rows of each tensor, whose
// residual is the combination rest of them: the larger of the two that
// [system.sandwich] has. Both are 0 but at the rows that s has.
func (s *scatter) along(q, rest []float64) float64 {
	of := func(x []float64) []float64 {
		var some []float64
		for _, i := range s.rows {
			some = append(some, x[i])
		}
		return some
	}
	q, rest = of(q), of(rest)
	var at []int // where either is not 0
	for i := range q {
		if q[i] != 0 || rest[i] != 0 {
			at = append(at, i)
		}
	}
	white, clustered := 0.0, 0.0
	for k, t := range s.tensors {
		qq, qr, rr := forms(s.p[k], q, rest, at)
		u := s.weight(t)
		white += float64(u * u * max(rr, t.Floor) / float64(t.Len) * qq)
		clustered += float64(u * u * qr * qr)
	}
	if len(s.tensors) >= leastTensors {
		white = max(white, clustered)
	}
	return max(0, white)
}

// forms returns q'Pq, q'Pr and r'Pr of a triangle P and vectors that are 0 but at some
// places.
func forms(p, q, r []float64, places []int) (qq, qr, rr float64) {
	n := len(q)
	for k, i := range places {
		row := p[at(i, i, n)-i:] // row[j] is the product of i and j
		half := row[i] / 2
		byQ, byR := float64(half*q[i]), float64(half*r[i])
		for _, j := range places[k+1:] {
			byQ += float64(row[j] * q[j])
			byR += float64(row[j] * r[j])
		}
		// Each pair i < j counts twice, once for either.
		qq += float64(2 * q[i] * byQ)
		qr += float64(q[i]*byR) + float64(r[i]*byQ)
		rr += float64(2 * r[i] * byR)
	}
	return qq, qr, rr
}
