package live

import (
	"context"
	"math"
	"slices"

	"mixmatch/merge/portable"
	"mixmatch/merge/recipe"
)

// A landscape is what is to be minimised: the mean of 1 - cosine over the blocks of a
// variation, as a function of what varies. It is for one goroutine.
type landscape struct {
	*variation
	program      *recipe.Program
	place        []int       // of the program's weights among the names
	columns      [][]float64 // of the set's blocks, where the last point was
	dst, scratch []float64
	w, by        []float64
	moves        [][]float64 // derivatives of the weights, by what varies
}

func (v *variation) landscape() *landscape {
	n := len(v.Blocks.Names)
	l := &landscape{variation: v, program: v.recipe.Program(), w: make([]float64, n), by: make([]float64, n)}
	for _, name := range l.program.Names() {
		l.place = append(l.place, slices.Index(v.Blocks.Names, name))
	}
	for _, i := range v.set {
		l.columns = append(l.columns, slices.Clone(v.columns[i]))
	}
	l.dst, l.scratch = make([]float64, l.program.Width()), make([]float64, l.program.Scratch())
	for range v.positions {
		l.moves = append(l.moves, make([]float64, n))
	}
	return l
}

// weigh sets w to the weights that a column comes down to.
func (l *landscape) weigh(w, column []float64) {
	clear(w)
	l.program.WeightsInto(l.dst, column, l.scratch)
	for i, x := range l.dst {
		w[l.place[i]] += x
	}
}

// stand puts block k of the set at x, and returns its column.
func (l *landscape) stand(k int, x []float64) []float64 {
	for j, pos := range l.positions {
		if l.free[l.set[k]][pos] {
			l.columns[k][pos] = x[j]
		}
	}
	return l.columns[k]
}

// value returns the mean of 1 - cosine at x.
func (l *landscape) value(x []float64) (float64, error) {
	sum := 0.0
	for k, i := range l.set {
		l.weigh(l.w, l.stand(k, x))
		if err := l.check(l.IDs[i], l.w); err != nil {
			return 0, err
		}
		loss, err := l.Blocks.Loss(l.IDs[i], l.w)
		if err != nil {
			return 0, err
		}
		sum += loss
	}
	return sum / float64(len(l.set)), nil
}

// slope sets g to the derivatives of value at x, and h, full and row by row, to those
// of Gauss and Newton's second ones: with M the mix, D_k its derivative by what varies,
// and the scale of M left free, <D_k,D_l> - <D_k,M><D_l,M>/<M,M>, over <M,M>.
func (l *landscape) slope(g, h, x []float64) error {
	clear(g)
	clear(h)
	n, m := len(x), len(l.w)+1
	share := 1 / float64(len(l.set))
	image := make([]float64, m) // products of a derivative with all rows
	along := make([]float64, n) // <D_k,M>
	for k, i := range l.set {
		column := l.stand(k, x)
		l.weigh(l.w, column)
		if _, err := l.Blocks.Slope(l.IDs[i], l.by, l.w); err != nil {
			return err
		}
		p := l.Blocks.Products(l.IDs[i])
		mix := slices.Clone(p[:m]) // <M,row>, for M = B + sum of w_j D_j
		for j := 1; j < len(l.w); j++ {
			portable.AddScaled(mix, l.w[j], p[j*m:j*m+m])
		}
		mm := mix[0]
		for j := 1; j < len(l.w); j++ {
			mm += float64(l.w[j] * mix[j])
		}
		if !(mm > 0) {
			continue
		}
		for j, pos := range l.positions {
			clear(l.moves[j])
			if !l.free[i][pos] {
				continue
			}
			// A weight is a polynomial in a ratio, of the first degree unless a result is
			// taken twice; of the second these differences are right, too.
			const step = 0.5
			column[pos] = x[j] + step
			l.weigh(l.moves[j], column)
			column[pos] = x[j] - step
			l.weigh(l.w, column)
			column[pos] = x[j]
			portable.AddScaled(l.moves[j], -1, l.w)
			l.moves[j][0] = 0 // B's follows from the others'
			along[j] = 0
			for r := 1; r < len(l.w); r++ {
				l.moves[j][r] /= 2 * step
				along[j] += float64(l.moves[j][r] * mix[r])
			}
			g[j] += float64(share * portable.Dot(l.by, l.moves[j]))
		}
		for j, pos := range l.positions {
			if !l.free[i][pos] {
				continue
			}
			clear(image)
			for r := 1; r < len(l.w); r++ {
				if l.moves[j][r] != 0 {
					portable.AddScaled(image, l.moves[j][r], p[r*m:r*m+m])
				}
			}
			for o := range j + 1 {
				if l.free[i][l.positions[o]] {
					d := portable.Dot(image[:len(l.w)], l.moves[o]) - float64(along[j]*along[o]/mm)
					h[j*n+o] += float64(share * d / mm)
				}
			}
		}
	}
	for j := range n {
		for o := range j {
			h[o*n+j] = h[j*n+o]
		}
	}
	return nil
}

// descend goes down from x between lo and hi by Levenberg and Marquardt's method: Gauss
// and Newton's steps, the shorter the less they are right. What lies on a bound and
// would go beyond stays there for a step. It returns where it ends, and the value there.
func (l *landscape) descend(ctx context.Context, x, lo, hi []float64) ([]float64, float64, error) {
	const most, trifle, tiny = 200, 1e-13, 1e-18
	n := len(x)
	x = slices.Clone(x)
	value, err := l.value(x)
	if err != nil {
		return nil, 0, err
	}
	g, h := make([]float64, n), make([]float64, n*n)
	damping, idle := 1e-3, 0
	for step := 0; step < most && idle < 3 && damping < 1e10; step++ {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		if err := l.slope(g, h, x); err != nil {
			return nil, 0, err
		}
		for ; damping < 1e10; damping *= 10 {
			to := l.step(x, g, h, damping, lo, hi)
			if to == nil {
				continue
			}
			at, err := l.value(to)
			if err != nil {
				return nil, 0, err
			}
			if !(at <= value) {
				continue
			}
			if value-at <= float64(trifle*value)+tiny {
				idle++
			} else {
				idle = 0
			}
			x, value = to, at
			damping = max(damping/10, 1e-12)
			break
		}
	}
	return x, value, nil
}

// step returns the point that a step leads to, nil if it takes more damping to tell.
func (l *landscape) step(x, g, h []float64, damping float64, lo, hi []float64) []float64 {
	n := len(x)
	var free []int
	for k := range n {
		if h[k*n+k] > 0 && !(x[k] <= lo[k] && g[k] > 0) && !(x[k] >= hi[k] && g[k] < 0) {
			free = append(free, k)
		}
	}
	to := slices.Clone(x)
	if len(free) == 0 {
		return to
	}
	a, b := make([]float64, len(free)*len(free)), make([]float64, len(free))
	for i, k := range free {
		b[i] = -g[k]
		for j, o := range free {
			a[i*len(free)+j] = h[k*n+o]
		}
		a[i*len(free)+i] += float64(damping * h[k*n+k])
	}
	d, _, ok := portable.Solve(a, b)
	if !ok {
		return nil
	}
	for i, k := range free {
		to[k] = min(max(x[k]+d[i], lo[k]), hi[k])
		if math.IsNaN(to[k]) {
			to[k] = x[k]
		}
	}
	return to
}
