package optimize

import "math"

// A descent is the local search that ends a run: LBFGS where the function is
// smooth, then Nelder-Mead, which does not mind kinks. Both see the unit cube,
// from outside of which they are sent back by clipping and a penalty as CMA-ES
// is.
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
	// A bound that was run into is a kink at which LBFGS gives up, and is held the
	// next time. It is worth another time while the value falls by something.
	const something = 1e-6
	for before := math.Inf(1); before-d.value > something*math.Abs(d.value) && !d.over(); {
		before = d.value
		d.smooth()
	}
	d.limit = 0
	d.simplex()
	return d.x, d.value, d.err
}

// fence is the penalty at a distance of one from the cube.
const fence = 0.1

// at returns the value at u with the penalty, and keeps the best point. When
// the budget is used up it answers without asking the function.
func (d *descent) at(u []float64) float64 {
	return d.ask(u, d.run.evaluate)
}

// ask is at for any way to evaluate a point of the box.
func (d *descent) ask(u []float64, evaluate func(x []float64) (float64, error)) float64 {
	if d.over() || !finite(u) {
		return Penalty
	}
	d.budget--
	x := d.run.space.point(u)
	v, err := evaluate(x)
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
	return v + float64(fence*overshoot(u))
}

func (d *descent) over() bool { return d.err != nil || d.budget <= d.limit }

// simplex starts Nelder-Mead from a simplex of a hundredth of the cube. How it ends
// does not matter, since the best point is kept on the way.
func (d *descent) simplex() {
	if d.over() {
		return
	}
	nelderMead(d.u, 0.01, d.at, d.over)
}
