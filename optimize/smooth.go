package optimize

import "slices"

// fdStep is the half width of a central difference, in the unit cube: about
// the cube root of the rounding error of float64, where the errors of
// truncation and of rounding meet.
const fdStep = 6e-6

// smooth descends by LBFGS in the dimensions that are not held by a bound. A
// dimension is where the best point lies on the bound and a step away from it does
// not help; left in, the kink there would spoil the line search.
func (d *descent) smooth() {
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
	from := make([]float64, len(free))
	for i, k := range free {
		from[i] = u[k]
	}
	whole := func(y []float64) []float64 { // in all dimensions
		for i, k := range free {
			u[k] = y[i]
		}
		return u
	}
	value, slope := d.differences(whole)
	if d.run.s.Gradient != nil {
		value, slope = d.slopes(whole, free)
	}
	lbfgs(from, value, slope, d.over)
}

// differences returns the function of the free dimensions, with a gradient by
// central differences.
func (d *descent) differences(whole func(y []float64) []float64) (value func(y []float64) float64, slope func(g, y []float64)) {
	value = func(y []float64) float64 { return d.at(whole(y)) }
	slope = func(g, y []float64) {
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
	return value, slope
}

// slopes is differences for a function that has a gradient, which is known once
// the value is.
func (d *descent) slopes(whole func(y []float64) []float64, free []int) (value func(y []float64) float64, slope func(g, y []float64)) {
	all := make([]float64, len(d.u))
	var at []float64
	value = func(y []float64) float64 {
		at = append(at[:0], y...)
		return d.slope(all, whole(y))
	}
	slope = func(g, y []float64) {
		if !slices.Equal(at, y) {
			value(y)
		}
		for i, k := range free {
			g[i] = all[k]
		}
	}
	return value, slope
}

// slope is at, and sets g to the derivatives.
func (d *descent) slope(g, u []float64) float64 {
	clear(g)
	return d.ask(u, func(x []float64) (float64, error) {
		s := d.run.space
		of := make([]float64, len(x))
		v, err := d.run.slope(of, x)
		if v == Penalty || !finite(of) {
			clear(of)
		}
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
		return v, err
	})
}
