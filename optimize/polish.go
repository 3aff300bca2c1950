package optimize

import (
	"errors"
	"slices"

	gonum "gonum.org/v1/gonum/optimize"
)

// fdStep is the half width of a central difference, in the unit cube: about
// the cube root of the rounding error of float64, where the errors of
// truncation and of rounding meet.
const fdStep = 6e-6

// A descent is the local search that ends a run: LBFGS with finite differences
// where the function is smooth, then Nelder-Mead, which does not mind kinks.
// Both see the unit cube, from outside of which they are sent back by clipping
// and a penalty as CMA-ES is.
type descent struct {
	run    *run
	budget int // evaluations left
	limit  int // budget at which the present method has to end
	err    error

	u     []float64 // the best point, in the unit cube
	x     []float64 // the same in the box
	value float64
}

// descend polishes the best trial and returns the best point met with its
// value, which is the trial's where nothing better was met.
func (r *run) descend() ([]float64, float64, error) {
	d := &descent{run: r, budget: r.s.Polish, x: r.best.X, u: r.space.unit(r.best.X), value: r.best.Value}
	d.limit = d.budget / 3 // for Nelder-Mead; LBFGS seldom needs its share
	d.lbfgs()
	d.limit = 0
	d.nelderMead()
	return d.x, d.value, d.err
}

// at returns the value at u with the penalty, and keeps the best point. When
// the budget is used up it answers without asking the function.
func (d *descent) at(u []float64) float64 {
	if d.over() || !finite(u) {
		return Penalty
	}
	d.budget--
	x := d.run.space.point(u)
	v, err := d.run.evaluate(x)
	if err != nil {
		d.err = err
		return Penalty
	}
	if v < d.value {
		d.x, d.value = x, v
		d.u = make([]float64, len(u))
		for k := range u {
			d.u[k] = min(max(u[k], 0), 1)
		}
	}
	return v + 0.1*overshoot(u)
}

func (d *descent) over() bool { return d.err != nil || d.budget <= d.limit }

var errOver = errors.New("no evaluations left")

// minimize runs one of gonum's methods. How it ended does not matter, since the
// best point is kept on the way.
func (d *descent) minimize(p gonum.Problem, from []float64, m gonum.Method) {
	p.Status = func() (gonum.Status, error) {
		if d.over() {
			return gonum.Failure, errOver
		}
		return gonum.NotTerminated, nil
	}
	settings := &gonum.Settings{
		// Relative to the value, so that it does not matter how small a value is.
		Converger: &gonum.FunctionConverge{Relative: 1e-14, Iterations: 20 + 5*len(from)},
	}
	_, _ = gonum.Minimize(p, from, settings, m)
}

// lbfgs descends in the dimensions that are not held by a bound. A dimension is
// where the best point lies on the bound and a step away from it does not help;
// left in, the kink there would spoil the line search.
func (d *descent) lbfgs() {
	var free []int
	u := slices.Clone(d.u)
	for k, v := range u {
		inward := 0.0
		switch {
		case v < fdStep:
			inward = fdStep
		case v > 1-fdStep:
			inward = -fdStep
		}
		if inward != 0 {
			before := d.value
			probe := slices.Clone(u)
			probe[k] += inward
			if d.at(probe) >= before {
				continue
			}
			u[k] += inward
		}
		free = append(free, k)
	}
	if len(free) == 0 || d.over() {
		return
	}
	full := slices.Clone(u)
	value := func(y []float64) float64 {
		for i, k := range free {
			full[k] = y[i]
		}
		return d.at(full)
	}
	grad := func(g, y []float64) {
		y = slices.Clone(y)
		for i, v := range y {
			y[i] = v + fdStep
			above := value(y)
			y[i] = v - fdStep
			g[i] = (above - value(y)) / (2 * fdStep)
			y[i] = v
			if d.over() { // the differences mean nothing now
				clear(g)
				return
			}
		}
	}
	from := make([]float64, len(free))
	for i, k := range free {
		from[i] = u[k]
	}
	d.minimize(gonum.Problem{Func: value, Grad: grad}, from, &gonum.LBFGS{})
}

// nelderMead starts from a simplex of a hundredth of the cube.
func (d *descent) nelderMead() {
	if d.over() {
		return
	}
	d.minimize(gonum.Problem{Func: d.at}, slices.Clone(d.u), &gonum.NelderMead{SimplexSize: 0.01})
}
