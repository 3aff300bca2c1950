package lowrank

import (
	"math"

	"mixmatch/merge/portable"
)

const (
	// A value of the rest may be this much above the edge of noise: the edge is
	// that of even noise, which rounding is not quite.
	white = 1.1
	// A value that counts stands this much above the edge.
	stands = 1.3
	// Steps of a secret recipe may each have rounded: noise of that kind is at
	// most so many times that of rounding once. (A mean square.)
	roundings = 25
	// Without a gap only ranks up to this share of the smaller side count: the values
	// of a model trained on its own, too, run out into the rounding at some rank.
	low = 8
	// A step this large counts also where the rest is no even noise, if the rest's
	// largest value is at most crooked times the edge.
	cliff   = 3.0
	crooked = 4.0
)

// rank returns how many values of a sketch stand clear of noise.
//
// Independent noise of mean square s^2 has singular values up to s (sqrt m +
// sqrt n), the edge. The level is what is known of rounding, or that of the rest
// once r directions are taken out, if that is higher; the rest of a sketch has
// an energy but no median, else this were the threshold of Gavish and Donoho
// (IEEE Trans. Inf. Theory 60, 2014). With it a rank r must show itself in one
// of three ways, of which the first that fits any r decides, for the largest r:
//
//   - a gap: s_r is a good deal larger than s_(r+1), and what follows is noise.
//     Beyond rounding the gap must be wider than the steps of a power law,
//     ((r+1)/r)^p, which the values of a model trained on its own follow;
//   - no gap, as where a LoRA's own values run out into the noise, but what
//     follows is noise of the size of rounding, which a model trained on its own
//     cannot hide in;
//   - a cliff, with a rest that is more than noise: a source is missing, or the
//     weights are not right yet.
func (s *search) rank(sk *sketch) int {
	most := min(s.most, len(sk.values))
	if sk.q != nil && sk.k == sk.asked { // else there is nothing that it does not show
		most = min(most, len(sk.values)-spare)
	}
	v := sk.values
	for most > 0 && v[most-1] == 0 {
		most--
	}
	if most < 1 || v[0] <= white*edge(s.a, 0, s.noise) {
		return 0
	}
	r := s.step(v, most, 1)
	if r == 0 {
		r = widest(v, most)
	}
	return s.step(v, most, s.unevenness(sk, r))
}

// step returns the rank for edges that are uneven times that of even noise.
func (s *search) step(v []float64, most int, uneven float64) int {
	side := min(s.a.Rows, s.a.Cols)
	rest := make([]float64, most+1)
	rest[0] = s.energy
	for r := 1; r <= most; r++ {
		rest[r] = max(0, rest[r-1]-float64(v[r-1]*v[r-1]))
	}
	level := func(r int) float64 { return rest[r] / (float64(s.a.Rows-r) * float64(s.a.Cols-r)) }
	bound := func(r int) float64 { return uneven * edge(s.a, r, max(s.noise, level(r))) }
	gap := func(r int) float64 {
		g := 1.4 + 8/float64(side) // small matrices have gaps in their noise
		if level(r) > roundings*s.noise {
			x := 1 + 1/float64(r)
			g = max(g, x*math.Sqrt(x))
		}
		return g
	}
	next := func(r int) float64 {
		if r < len(v) {
			return v[r]
		}
		return 0
	}
	for r := most; r > 0; r-- {
		if e := bound(r); v[r-1] >= gap(r)*next(r) && v[r-1] >= stands*e && next(r) <= white*e {
			return r
		}
	}
	for r := most; r > 0; {
		e := bound(r)
		fewer := 0
		for fewer < r && v[fewer] >= stands*e {
			fewer++
		}
		if fewer == r {
			if r <= side/low && level(r) <= roundings*s.noise && next(r) <= stands*e && v[0] >= 2*stands*e {
				return r
			}
			break
		}
		r = fewer
	}
	for r := most; r > 0; r-- {
		if v[r-1] >= cliff*next(r) && next(r) <= crooked*bound(r) && v[r-1] >= stands*bound(r) {
			return r
		}
	}
	return 0
}

// edge returns a bound that the singular values of even noise of mean square
// level pass once in ten thousand times: for what is left of a once r directions
// are taken out. Squared and in units of level it is (sqrt m + sqrt n)^2 and a
// few times the spread of the largest value, (sqrt m + sqrt n) (1/sqrt m + 1/sqrt
// n)^(1/3) (Johnstone, Annals of Statistics 29, 2001).
func edge(a Matrix, r int, level float64) float64 {
	m, n := math.Sqrt(float64(a.Rows-r)), math.Sqrt(float64(a.Cols-r))
	const tail = 3.5
	return math.Sqrt(level * (float64((m+n)*(m+n)) + float64(tail*(m+n)*portable.Exp(portable.Log(1/m+1/n)/3))))
}

// widest returns the r with the largest step after it.
func widest(v []float64, most int) int {
	best, step := 0, 0.0
	for r := 1; r <= min(most, len(v)-1) && v[r-1] > 0; r++ {
		if q := v[r-1] / v[r]; q > step {
			best, step = r, q
		}
	}
	return best
}

// promising tells whether more columns might show a rank that few have not: the
// values not seen yet are at most the last one seen, and noise that they stand
// twice clear of has a bounded energy, too.
func (s *search) promising(sk *sketch) bool {
	if sk.k < sk.asked || s.most <= sk.k-spare {
		return false
	}
	left := s.energy
	for _, v := range sk.values {
		left -= float64(v * v)
	}
	last := sk.values[len(sk.values)-1]
	e := edge(s.a, 0, 1)
	return left <= last*last*(manyColumns-fewColumns+float64(s.a.Rows)*float64(s.a.Cols)/(4*e*e))
}

// unevenness returns by how much the edge of the noise that is left beyond r
// directions lies above that of even noise, because some rows and columns have
// more of it than others: weights differ in size, and so do their roundings.
// For variances a_i b_j it is close to the root of <a^2>/<a>^2 <b^2>/<b>^2.
func (s *search) unevenness(sk *sketch, r int) float64 {
	if s.byCol == nil {
		s.byCol = make([]float64, s.a.Cols)
		for i := range s.a.Rows {
			for j, v := range s.a.row(i) {
				s.byCol[j] += float64(float64(v) * float64(v))
			}
		}
	}
	rows := s.spread(s.byRow, sk.left(r), sk.values[:r], s.a.Cols)
	cols := s.spread(s.byCol, sk.right(r), sk.values[:r], s.a.Rows)
	return math.Sqrt(rows * cols)
}

// spread returns <x^2>/<x>^2 for the energies of rows of n numbers each, less
// those of r directions and what chance alone would give.
func (s *search) spread(energy []float64, u []float32, values []float64, n int) float64 {
	r := len(values)
	sum, squares := 0.0, 0.0
	for i, x := range energy {
		for j, v := range u[i*r : (i+1)*r] {
			x -= float64(float64(v) * float64(v) * values[j] * values[j])
		}
		x = max(x, 0)
		sum += x
		squares += float64(x * x)
	}
	if sum == 0 {
		return 1
	}
	return max(1, squares*float64(len(energy))/(sum*sum)-2/float64(n))
}
