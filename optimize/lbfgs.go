package optimize

import (
	"slices"

	gonum "gonum.org/v1/gonum/optimize"
)

// fdStep is the half width of a central difference, in the unit cube: about
// the cube root of the rounding error of float64, where the errors of
// truncation and of rounding meet.
const fdStep = 6e-6

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
	value, grad := d.differences(u, free)
	if d.run.s.Gradient != nil {
		value, grad = d.slopes(u, free)
	}
	from := make([]float64, len(free))
	for i, k := range free {
		from[i] = u[k]
	}
	d.minimize(gonum.Problem{Func: value, Grad: grad}, from, &gonum.LBFGS{})
}

// differences returns the function of the free dimensions around u, and its
// gradient by central differences.
func (d *descent) differences(u []float64, free []int) (value func(y []float64) float64, grad func(g, y []float64)) {
	full := slices.Clone(u)
	value = func(y []float64) float64 {
		for i, k := range free {
			full[k] = y[i]
		}
		return d.at(full)
	}
	grad = func(g, y []float64) {
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
	return value, grad
}

// slopes is differences for a function that has a gradient, which is known once
// the value is.
func (d *descent) slopes(u []float64, free []int) (value func(y []float64) float64, grad func(g, y []float64)) {
	full, slope := slices.Clone(u), make([]float64, len(u))
	var at []float64
	value = func(y []float64) float64 {
		for i, k := range free {
			full[k] = y[i]
		}
		at = append(at[:0], y...)
		return d.slope(slope, full)
	}
	grad = func(g, y []float64) {
		if !slices.Equal(at, y) {
			value(y)
		}
		for i, k := range free {
			g[i] = slope[k]
		}
	}
	return value, grad
}

// slope is at, and sets g to the derivatives.
func (d *descent) slope(g, u []float64) float64 {
	clear(g)
	if d.over() || !finite(u) {
		return Penalty
	}
	s := d.run.space
	x, of := s.point(u), make([]float64, len(s.box.Lower))
	v := d.keep(u, x, func() (float64, error) {
		v, err := d.run.slope(of, x)
		if v == Penalty || !finite(of) {
			clear(of)
		}
		return v, err
	})
	for k, i := range s.free {
		switch {
		case u[k] < 0:
			g[k] = 2 * fence * u[k]
		case u[k] > 1:
			g[k] = 2 * fence * (u[k] - 1)
		default:
			g[k] = of[i] * (s.box.Upper[i] - s.box.Lower[i])
		}
	}
	return v
}
