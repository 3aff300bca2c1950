package optimize

import (
	"math"
	"slices"

	"mixmatch/merge/portable"
)

// A progress says when a local search has come to an end: when its best value has
// not fallen by a trifle, relative to it, in a good number of iterations.
type progress struct {
	patience, idle int
	best           float64
}

func newProgress(n int, value float64) *progress {
	return &progress{patience: 20 + 5*n, best: value}
}

// over notes the value after an iteration.
func (p *progress) over(value float64) bool {
	const trifle = 1e-14
	p.idle++
	if p.best-value > trifle*max(math.Abs(p.best), math.Abs(value)) {
		p.best, p.idle = value, 0
	}
	return p.idle >= p.patience
}

// memory is how many of the last steps LBFGS remembers.
const memory = 15

// lbfgs goes down from x along the directions of the limited-memory BFGS method
// (Nocedal and Wright, Numerical Optimization, algorithm 7.5). value is asked at
// each point before slope, which sets g to the derivatives there. It ends when over
// says so, or when it gains nothing more.
func lbfgs(x []float64, value func(x []float64) float64, slope func(g, x []float64), over func() bool) {
	n := len(x)
	f := value(x)
	g := make([]float64, n)
	slope(g, x)
	var steps, turns [][]float64 // differences of points, and of slopes
	for done := newProgress(n, f); !over() && !done.over(f); {
		d := direction(g, steps, turns)
		down := portable.Dot(g, d)
		first := 1.0
		if len(steps) == 0 {
			const reach = 0.1 // of the first step, which knows no scale
			first = min(1, reach/math.Sqrt(portable.Dot(d, d)))
		}
		if !(down < 0) || math.IsInf(down, 0) {
			return
		}
		l := line{x: x, d: d, f: f, down: down, value: value, slope: slope, over: over}
		if !l.search(first) {
			if over() || len(steps) == 0 {
				return
			}
			steps, turns = nil, nil // once more, straight down
			continue
		}
		step, turn := difference(l.at, x), difference(l.g, g)
		if portable.Dot(step, turn) > 1e-10*portable.Dot(turn, turn) {
			steps, turns = append(steps, step), append(turns, turn)
		}
		if len(steps) > memory {
			steps, turns = steps[1:], turns[1:]
		}
		x, f, g = l.at, l.reached, l.g
	}
}

func difference(x, y []float64) []float64 {
	d := slices.Clone(x)
	portable.AddScaled(d, -1, y)
	return d
}

// direction returns -H g, H being the inverse of the Hessian as far as the steps
// tell (algorithm 7.4).
func direction(g []float64, steps, turns [][]float64) []float64 {
	d := slices.Clone(g)
	scale(d, -1)
	k := len(steps)
	a := make([]float64, k)
	for i := k - 1; i >= 0; i-- {
		a[i] = portable.Dot(steps[i], d) / portable.Dot(steps[i], turns[i])
		portable.AddScaled(d, -a[i], turns[i])
	}
	if k > 0 {
		scale(d, portable.Dot(steps[k-1], turns[k-1])/portable.Dot(turns[k-1], turns[k-1]))
	}
	for i := range k {
		b := portable.Dot(turns[i], d) / portable.Dot(steps[i], turns[i])
		portable.AddScaled(d, a[i]-b, steps[i])
	}
	return d
}

// A line is a search along a direction d from x, where the value is f and falls by
// -down for each unit.
type line struct {
	x, d    []float64
	f, down float64
	value   func(x []float64) float64
	slope   func(g, x []float64)
	over    func() bool

	at, g   []float64 // what was found: a point, and the slope there
	reached float64   // the value there
}

// search looks for a point where the value has fallen enough and the slope is a
// good deal less steep (the weak conditions of Wolfe), by doubling and halving
// (Lewis and Overton 2013, algorithm 2.6). Where the way is uphill, half is where
// the parabola through what is known has its minimum. It is false if there is none.
func (l *line) search(t float64) bool {
	const enough, flatter, most = 1e-4, 0.9, 40
	low, high := 0.0, math.Inf(1)
	for range most {
		if l.over() {
			return false
		}
		at := slices.Clone(l.x)
		portable.AddScaled(at, t, l.d)
		f := l.value(at)
		if !(f <= l.f+float64(enough*t*l.down)) {
			high = t
			t = (low + high) / 2
			if low == 0 {
				if dip := -l.down * high * high / (2 * (f - l.f - float64(l.down*high))); dip > 0.1*high && dip < 0.9*high {
					t = dip
				}
			}
			continue
		}
		g := make([]float64, len(at))
		l.slope(g, at)
		if l.over() { // the slope may mean nothing
			return false
		}
		l.at, l.g, l.reached = at, g, f
		if !(portable.Dot(g, l.d) < flatter*l.down) {
			return true
		}
		low = t
		if math.IsInf(high, 1) {
			t *= 2
		} else {
			t = (low + high) / 2
		}
	}
	return l.at != nil
}
