package optimize

import (
	"math"
	"slices"

	"mixmatch/merge/portable"
)

// nelderMead moves a simplex that begins at x with edges of length size, by the
// rules of Nelder and Mead with the numbers of Gao and Han (2012), which suit many
// dimensions. It ends when over says so, or when it gains nothing more.
func nelderMead(x []float64, size float64, value func(x []float64) float64, over func() bool) {
	n := len(x)
	s := &simplex{value: value}
	s.put(slices.Clone(x))
	for i := range n {
		v := slices.Clone(x)
		v[i] += size
		s.put(v)
	}
	m := float64(max(n, 2))
	expand, contract, shrink := 1+2/m, 0.75-1/(2*m), 1-1/m
	for done := newProgress(n, s.corners[0].value); !over() && !done.over(s.corners[0].value); {
		worst := s.corners[n]
		middle := make([]float64, n) // of the others
		for _, p := range s.corners[:n] {
			portable.AddScaled(middle, 1/float64(n), p.x)
		}
		try := func(by float64) point { // by times as far as the worst, on the other side
			v := slices.Clone(middle)
			for i := range v {
				v[i] += float64(by * (middle[i] - worst.x[i]))
			}
			return point{v, value(v)}
		}
		r := try(1)
		switch {
		case r.value < s.corners[0].value:
			if e := try(expand); e.value < r.value {
				r = e
			}
		case r.value < s.corners[n-1].value:
		case r.value < worst.value:
			if c := try(contract); c.value <= r.value {
				r = c
			} else {
				s.shrink(shrink)
				continue
			}
		default:
			if c := try(-contract); c.value < worst.value {
				r = c
			} else {
				s.shrink(shrink)
				continue
			}
		}
		s.corners = s.corners[:n]
		s.insert(r)
	}
}

// A simplex is n+1 points, the best one first.
type simplex struct {
	value   func(x []float64) float64
	corners []point
}

func (s *simplex) put(x []float64) { s.insert(point{x, s.value(x)}) }

// insert puts p behind those that are as good.
func (s *simplex) insert(p point) {
	at := len(s.corners)
	for at > 0 && (p.value < s.corners[at-1].value || math.IsNaN(s.corners[at-1].value)) {
		at--
	}
	s.corners = slices.Insert(s.corners, at, p)
}

// shrink brings all points nearer to the best one.
func (s *simplex) shrink(by float64) {
	old := s.corners
	s.corners = old[:1:1]
	for _, p := range old[1:] {
		x := slices.Clone(old[0].x)
		for i := range x {
			x[i] += float64(by * (p.x[i] - old[0].x[i]))
		}
		s.put(x)
	}
}
