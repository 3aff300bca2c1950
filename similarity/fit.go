package similarity

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"mixmatch/merge/block"
)

// ErrNoFit is returned where the models allowed cannot make any mix.
var ErrNoFit = errors.New("no model left to mix")

// dependent is the share of a row's squared length that must stand clear of the
// rows before it; with less the two cannot be told apart, and the later one
// gets no weight. Products carry about 1e-15 of relative error.
const dependent = 1e-10

// A Fit is the best mix of some models in a block.
type Fit struct {
	Weights []float64 // one a model, summing to 1
	SE      []float64 // their standard errors; infinite where models cannot be told apart
	Cosine  float64   // no mix of these models comes closer: the ceiling
	Scale   float64   // the mix times Scale is nearest to the target; cosine ignores it
}

// Fit returns the mix of block id that is most like the target, of all those
// that give the models of fixed the weights they have there and only the models
// of free any other. The fixed weights and the rest sum to 1.
//
// The cosine is greatest where Scale*(sum of w_i S_i) is the least-squares
// fit of T, w* ~ G^-1 c. It is solved in delta form around the first free model,
// r: T - R = (Scale-1) R + sum of z_i (S_i - S_r), R being the fixed part with
// the rest all in r. The weights are then z/Scale.
//
// The standard errors are those of least squares with a noise that differs from
// tensor to tensor (the sandwich estimator of White, Econometrica 48, 1980, with
// tensors as groups): rounding noise grows with the size of the numbers, which
// in a norm layer are a hundred times those in a convolution.
func (b *Blocks) Fit(id block.ID, free []int, fixed map[int]float64) (*Fit, error) {
	f, sys, err := b.solve(id, free, fixed)
	if err != nil || sys == nil {
		return f, err
	}
	f.SE = make([]float64, len(b.Names))
	cov := sys.sandwich(b.sums[id].tensors)
	n := len(sys.keep)
	sum := make([]float64, n) // the gradient of all weights but the first's
	for i := 1; i < n; i++ {
		if !sys.keep[i] {
			f.SE[free[i]] = math.Inf(1)
			continue
		}
		g := make([]float64, n) // of the weight z_i / (1+z_0)
		g[0], g[i] = -sys.z[i]/(f.Scale*f.Scale), 1/f.Scale
		f.SE[free[i]] = math.Sqrt(max(0, quadratic(cov, g)))
		for j, v := range g {
			sum[j] += v
		}
	}
	f.SE[free[0]] = math.Sqrt(max(0, quadratic(cov, sum)))
	return f, nil
}

// Reach returns the best cosine of block id that mixes of the models of free
// come to. It is Fit without the error bars, and quicker.
func (b *Blocks) Reach(id block.ID, free []int) (float64, error) {
	f, _, err := b.solve(id, free, nil)
	if err != nil {
		return 0, err
	}
	return f.Cosine, nil
}

// A system is a solved least-squares problem.
type system struct {
	rows       linear
	keep       []bool
	z, inverse []float64
}

// solve finds the weights of a Fit. The system is nil if nothing was solved.
func (b *Blocks) solve(id block.ID, free []int, fixed map[int]float64) (*Fit, *system, error) {
	s := &b.sums[id]
	n := len(b.Names)
	if s.len == 0 {
		return nil, nil, ErrEmpty
	}
	f := &Fit{Weights: make([]float64, n), Scale: 1}
	rest := 1.0
	for i := range n { // in order: the sum must not depend on the map's
		if v, ok := fixed[i]; ok {
			f.Weights[i] = v
			rest -= v
		}
	}
	var sys *system
	if len(free) == 0 {
		if math.Abs(rest) > 1e-9 {
			return nil, nil, ErrNoFit
		}
		f.SE = make([]float64, n)
	} else {
		sys = &system{rows: regressors(f.Weights, rest, free)}
		k := transform(sys.rows, s.p)
		sys.keep = independent(k, sys.rows.rows-1) // the last is the response
		sys.z, sys.inverse = leastSquares(k, sys.keep)
		f.Scale = 1 + sys.z[0]
		if !(f.Scale > 1e-6) { // the target is like none of them, or their opposite
			return b.single(id, free, fixed)
		}
		for i, m := range free[1:] {
			f.Weights[m] = sys.z[i+1] / f.Scale
			rest -= f.Weights[m]
		}
		f.Weights[free[0]] = rest
	}
	var err error
	f.Cosine, err = b.Score(id, f.Weights)
	return f, sys, err
}

// single gives all that is not fixed to the one model of free that comes
// closest.
func (b *Blocks) single(id block.ID, free []int, fixed map[int]float64) (*Fit, *system, error) {
	var best *Fit
	for _, i := range free {
		f := &Fit{Weights: make([]float64, len(b.Names)), SE: make([]float64, len(b.Names)), Scale: 1}
		f.Weights[i] = 1
		for k := range b.Names {
			if v, ok := fixed[k]; ok {
				f.Weights[k] = v
				f.Weights[i] -= v
			}
		}
		var err error
		if f.Cosine, err = b.Score(id, f.Weights); err != nil {
			return nil, nil, err
		}
		if best == nil || f.Cosine > best.Cosine {
			best = f
		}
	}
	return best, nil, nil
}

// A linear is a set of rows, each a linear combination of B, D_1 .. D_n-1, E.
type linear struct {
	rows, cols int
	c          []float64
}

func (l linear) row(i int) []float64 { return l.c[i*l.cols : (i+1)*l.cols] }

// regressors returns R, the differences of the other free models from the
// first, and the response T - R.
func regressors(fixed []float64, rest float64, free []int) linear {
	l := linear{rows: len(free) + 1, cols: len(fixed) + 1}
	l.c = make([]float64, l.rows*l.cols)
	start := l.row(0)
	start[0] = 1
	for i := 1; i < len(fixed); i++ {
		start[i] = fixed[i]
	}
	r := free[0]
	if r > 0 {
		start[r] += rest
	}
	for k, i := range free[1:] {
		row := l.row(k + 1)
		if i > 0 {
			row[i] = 1
		}
		if r > 0 {
			row[r] = -1
		}
	}
	response := l.row(l.rows - 1)
	response[l.cols-1] = 1
	for i := 1; i < len(fixed); i++ {
		response[i] = -start[i]
	}
	return l
}

// transform returns c p c', the products of the rows of c.
func transform(c linear, p []float64) []float64 {
	half := make([]float64, c.rows*c.cols)
	for i := range c.rows {
		for j, v := range c.row(i) {
			if v == 0 {
				continue
			}
			for k := range c.cols {
				half[i*c.cols+k] += v * p[j*c.cols+k]
			}
		}
	}
	out := make([]float64, c.rows*c.rows)
	for i := range c.rows {
		for j := range c.rows {
			sum := 0.0
			for k, v := range c.row(j) {
				sum += half[i*c.cols+k] * v
			}
			out[i*c.rows+j] = sum
		}
	}
	return out
}

// independent tells which of the first n rows of the products k (n+1 square)
// are no combination of those before them. Going in order, and not by size,
// gives a model that has twins its weight where it is named first.
func independent(k []float64, n int) []bool {
	m := n + 1
	scale := make([]float64, n)
	a := make([]float64, n*n)
	for i := range n {
		if d := k[i*m+i]; d > 0 {
			scale[i] = 1 / math.Sqrt(d)
		}
	}
	for i := range n {
		for j := range n {
			a[i*n+j] = k[i*m+j] * scale[i] * scale[j]
		}
	}
	keep := make([]bool, n)
	for i := range n {
		d := a[i*n+i]
		if !(d > dependent) {
			continue
		}
		keep[i] = true
		for j := i + 1; j < n; j++ {
			f := a[j*n+i] / d
			for l := i; l < n; l++ {
				a[j*n+l] -= f * a[i*n+l]
			}
		}
	}
	return keep
}

// leastSquares returns the least-squares coefficients of the response on the rows
// kept (others 0), and the inverse of the kept rows' products, zero elsewhere.
func leastSquares(k []float64, keep []bool) (z []float64, inverse []float64) {
	n := len(keep)
	m := n + 1
	var at []int
	for i, ok := range keep {
		if ok {
			at = append(at, i)
		}
	}
	z, inverse = make([]float64, n), make([]float64, n*n)
	if len(at) == 0 {
		return z, inverse
	}
	a := mat.NewSymDense(len(at), nil)
	rhs := mat.NewVecDense(len(at), nil)
	scale := make([]float64, len(at))
	for i, p := range at {
		scale[i] = 1 / math.Sqrt(k[p*m+p])
	}
	for i, p := range at {
		for j, q := range at {
			a.SetSym(i, j, k[p*m+q]*scale[i]*scale[j])
		}
		rhs.SetVec(i, k[p*m+n]*scale[i])
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) { // cannot be: every row kept stands clear of the others
		return z, inverse
	}
	var x mat.VecDense
	var inv mat.SymDense
	_ = chol.SolveVecTo(&x, rhs) // its error is a warning about the condition
	_ = chol.InverseTo(&inv)
	for i, p := range at {
		z[p] = x.AtVec(i) * scale[i]
		for j, q := range at {
			inverse[p*n+q] = inv.At(i, j) * scale[i] * scale[j]
		}
	}
	return z, inverse
}

// sandwich returns the covariance of the coefficients z: inverse * (sum over
// tensors of s_t^2 K_t) * inverse, s_t^2 being the tensor's mean squared residual
// and at the least its rounding noise.
func (s *system) sandwich(tensors []*Products) []float64 {
	c, keep, z, inverse := s.rows, s.keep, s.z, s.inverse
	n := len(keep)
	meat := make([]float64, n*n)
	full := make([]float64, c.cols*c.cols)
	for _, t := range tensors {
		k := 0
		for i := range c.cols {
			for j := i; j < c.cols; j++ {
				full[i*c.cols+j], full[j*c.cols+i] = t.P[k], t.P[k]
				k++
			}
		}
		kt := transform(c, full)
		m := n + 1
		rss := kt[n*m+n]
		for i := range n {
			rss -= 2 * z[i] * kt[i*m+n]
			for j := range n {
				rss += z[i] * z[j] * kt[i*m+j]
			}
		}
		noise := max(rss, t.Floor) / float64(t.Len)
		for i := range n {
			for j := range n {
				if keep[i] && keep[j] {
					meat[i*n+j] += noise * kt[i*m+j]
				}
			}
		}
	}
	return mul(mul(inverse, meat, n), inverse, n)
}

func mul(a, b []float64, n int) []float64 {
	out := make([]float64, n*n)
	for i := range n {
		for k := range n {
			if v := a[i*n+k]; v != 0 {
				for j := range n {
					out[i*n+j] += v * b[k*n+j]
				}
			}
		}
	}
	return out
}

// quadratic returns g' cov g.
func quadratic(cov, g []float64) float64 {
	n := len(g)
	sum := 0.0
	for i := range n {
		for j := range n {
			sum += g[i] * cov[i*n+j] * g[j]
		}
	}
	return sum
}
