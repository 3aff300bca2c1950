package similarity

import (
	"errors"
	"math"

	"mixmatch/merge/block"
)

// ErrNoFit is returned where the models allowed cannot make any mix.
var ErrNoFit = errors.New("no model left to mix")

// A row must stand clear of the rows before it, or the two cannot be told apart
// and the later one gets no weight: by a share of its squared length, since
// products carry about 1e-15 of relative error; by one rounding of the target,
// since less is not to be seen in it; and by a share of the squared length of the
// models themselves, which no choice of the model to measure from can change.
const (
	dependent  = 1e-10
	indistinct = 1e-12
)

// A Fit is the best mix of some models in a block.
type Fit struct {
	Weights []float64 // one a name; those of models sum to 1
	SE      []float64 // their standard errors; infinite where models cannot be told apart
	Doubles []float64 // by how much a weight must be off, the others following, for what is left to double; infinite as SE is
	Cosine  float64   // no mix of these models comes closer: the ceiling
	Scale   float64   // the mix times Scale is nearest to the target; cosine ignores it
}

// Fit returns the mix of block id that is most like the target, of all those
// that give the models of fixed the weights they have there and only the models
// of free any other. The weights of models, fixed and free, sum to 1; one of free at
// least must be a model, and those come first in it.
//
// The cosine is greatest where Scale*(sum of w_i S_i) is the least-squares
// fit of T, w* ~ G^-1 c. It is solved in delta form around the first free model,
// r: T - R = (Scale-1) R + sum of z_i (S_i - S_r), R being the fixed part with
// the rest all in r. The weights are then z/Scale. A difference is a regressor as it
// is.
//
// Where all that the models leave of the block is rounding ([Blocks.AtNoise]) each
// tensor counts by its noise, len/floor: rounding noise grows with the size of the
// numbers, which in a norm layer are a hundred times those in a convolution. The
// mix is then the likeliest and not quite the closest. Elsewhere, where what is
// left is another model, all elements count alike.
//
// The standard errors are those of least squares with a noise that differs from
// tensor to tensor, each element on its own (the sandwich estimator of White,
// Econometrica 48, 1980, with a variance common to a tensor's elements), never
// less than the tensor's rounding; or, where a block has enough tensors to tell,
// those of residuals that go together within a tensor, if that is more. Where the
// equations cannot be solved they are infinite.
func (b *Blocks) Fit(id block.ID, free []int, fixed map[int]float64) (*Fit, error) {
	return b.fit(id, free, fixed, b.sums[id].basis())
}

func (b *Blocks) fit(id block.ID, free []int, fixed map[int]float64, on basis) (*Fit, error) {
	f, sys, err := b.solve(id, free, fixed, on)
	if err != nil || sys == nil {
		return f, err
	}
	f.SE = make([]float64, len(b.Names))
	f.Doubles = sys.doubles(free, b, f.Scale)
	cov, clustered := sys.sandwich(b.sums[id].tensors, on.weight)
	variance := func(g []float64) float64 {
		v := quadratic(cov, g)
		if clustered != nil {
			v = max(v, quadratic(clustered, g))
		}
		return max(0, v)
	}
	n := len(sys.keep)
	sum := make([]float64, n) // the gradient of all models' weights but the first's
	for i := 1; i < n; i++ {
		if !sys.keep[i] {
			f.SE[free[i]] = math.Inf(1)
			if b.Idle(id, free[i]) {
				f.SE[free[i]] = 0
			}
			continue
		}
		g := make([]float64, n) // of the weight z_i / (1+z_0)
		g[0], g[i] = -sys.z[i]/(f.Scale*f.Scale), 1/f.Scale
		f.SE[free[i]] = math.Sqrt(variance(g))
		if b.IsDifference(free[i]) {
			continue
		}
		for j, v := range g {
			sum[j] += v
		}
	}
	f.SE[free[0]] = math.Sqrt(variance(sum))
	return f, nil
}

// Mix is Fit without the error bars, and quicker: SE and Doubles are nil.
func (b *Blocks) Mix(id block.ID, free []int, fixed map[int]float64) (*Fit, error) {
	return b.mix(id, free, fixed, b.sums[id].basis())
}

func (b *Blocks) mix(id block.ID, free []int, fixed map[int]float64, on basis) (*Fit, error) {
	f, _, err := b.solve(id, free, fixed, on)
	if err != nil {
		return nil, err
	}
	f.SE, f.Doubles = nil, nil
	return f, nil
}

// Reach returns the best cosine of block id that mixes of the models of free
// come to.
func (b *Blocks) Reach(id block.ID, free []int) (float64, error) {
	f, err := b.mix(id, free, nil, b.sums[id].plain())
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
	rest       float64 // squared length of the response that is left
}

// Idle reports whether i is a difference that changes nothing in block id.
func (b *Blocks) Idle(id block.ID, i int) bool {
	return b.IsDifference(i) && b.sums[id].p[i*(len(b.Names)+1)+i] == 0
}

// doubles returns the Doubles of a fit: from the inverse of the products of
// differences, carried over to weights that sum to 1, and what is left.
func (s *system) doubles(free []int, b *Blocks, scale float64) []float64 {
	n, models := len(s.keep), 0 // the first is the scale
	for _, i := range free {
		if !b.IsDifference(i) {
			models++
		}
	}
	sub := make([]float64, (n-1)*(n-1))
	for i := 1; i < n; i++ {
		for j := 1; j < n; j++ {
			sub[(i-1)*(n-1)+j-1] = s.inverse[i*n+j]
		}
	}
	cross := affine(sub, n, models)
	out := make([]float64, len(b.Names))
	for i, m := range free {
		out[m] = math.Sqrt(max(0, s.rest*cross[i*n+i])) / scale
		if i > 0 && !s.keep[i] {
			out[m] = math.Inf(1)
		}
	}
	return out
}

// solve finds the weights of a Fit. The system is nil if nothing was solved.
func (b *Blocks) solve(id block.ID, free []int, fixed map[int]float64, on basis) (*Fit, *system, error) {
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
			if !b.IsDifference(i) {
				rest -= v
			}
		}
	}
	var sys *system
	if len(free) == 0 {
		if math.Abs(rest) > 1e-9 {
			return nil, nil, ErrNoFit
		}
		f.SE, f.Doubles = make([]float64, n), make([]float64, n)
	} else if b.IsDifference(free[0]) {
		return nil, nil, ErrNoFit
	} else {
		sys = &system{rows: regressors(f.Weights, rest, free, b.models)}
		k := transform(sys.rows, on.p)
		sys.keep = independent(k, sys.rows.rows-1, on.least()) // the last is the response
		sys.z, sys.inverse = leastSquares(k, sys.keep)
		m := sys.rows.rows
		sys.rest = k[m*m-1]
		for i, v := range sys.z {
			sys.rest -= float64(v * k[i*m+m-1])
		}
		sys.rest = max(0, sys.rest)
		f.Scale = 1 + sys.z[0]
		if !(f.Scale > 1e-6) { // the target is like none of them, or their opposite
			return b.single(id, free, fixed)
		}
		for i, m := range free[1:] {
			f.Weights[m] = sys.z[i+1] / f.Scale
			if !b.IsDifference(m) {
				rest -= f.Weights[m]
			}
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
		if b.IsDifference(i) {
			break
		}
		f := &Fit{Weights: make([]float64, len(b.Names)), SE: make([]float64, len(b.Names)), Doubles: make([]float64, len(b.Names)), Scale: 1}
		f.Weights[i] = 1
		for k := range b.Names {
			if v, ok := fixed[k]; ok {
				f.Weights[k] = v
				if !b.IsDifference(k) {
					f.Weights[i] -= v
				}
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
