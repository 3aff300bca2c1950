package optimize

import (
	"fmt"
	"math"
	"strconv"

	"github.com/c-bata/goptuna"
)

// check returns an error unless b has finite bounds, the lower below the upper.
func (b Box) check() error {
	if len(b.Lower) != len(b.Upper) {
		return fmt.Errorf("box has %d lower and %d upper bounds", len(b.Lower), len(b.Upper))
	}
	for i := range b.Lower {
		lo, hi := b.Lower[i], b.Upper[i]
		// The width must be finite too, which also leaves out NaN and Inf.
		if w := hi - lo; !(w >= 0 && w <= math.MaxFloat64) {
			return fmt.Errorf("bounds %g and %g in dimension %d", lo, hi, i)
		}
	}
	return nil
}

// clip returns the point of b nearest to x.
func (b Box) clip(x []float64) []float64 {
	c := make([]float64, len(x))
	for i := range x {
		c[i] = min(max(x[i], b.Lower[i]), b.Upper[i])
	}
	return c
}

// contains says whether x has b's dimensions and lies inside.
func (b Box) contains(x []float64) bool {
	if len(x) != len(b.Lower) {
		return false
	}
	for i := range x {
		if !(b.Lower[i] <= x[i] && x[i] <= b.Upper[i]) {
			return false
		}
	}
	return true
}

// A space is what the samplers see of a box: its free dimensions, each with
// the name goptuna knows it by, and each scaled to the unit interval.
type space struct {
	box   Box
	free  []int                  // dimensions of box, in order
	names []string               // of each free dimension
	dists map[string]interface{} // goptuna's search space: a UniformDistribution for each name
}

func newSpace(b Box) *space {
	s := &space{box: b, dists: map[string]interface{}{}}
	for i := range b.Lower {
		if b.Lower[i] == b.Upper[i] {
			continue
		}
		name := "x" + strconv.Itoa(i)
		s.free = append(s.free, i)
		s.names = append(s.names, name)
		s.dists[name] = goptuna.UniformDistribution{Low: b.Lower[i], High: b.Upper[i]}
	}
	return s
}

// toBox returns where free dimension k of the unit cube is in the box. Values
// outside the cube, and the ends of it, give exactly the bound.
func (s *space) toBox(k int, u float64) float64 {
	lo, hi := s.box.Lower[s.free[k]], s.box.Upper[s.free[k]]
	switch {
	case u <= 0:
		return lo
	case u >= 1:
		return hi
	}
	return min(lo+float64(u*(hi-lo)), hi)
}

// toUnit is the inverse of toBox, up to rounding.
func (s *space) toUnit(k int, x float64) float64 {
	lo, hi := s.box.Lower[s.free[k]], s.box.Upper[s.free[k]]
	return min(max((x-lo)/(hi-lo), 0), 1)
}

// unit returns the free dimensions of x, a point of the box, in the unit cube.
func (s *space) unit(x []float64) []float64 {
	u := make([]float64, len(s.free))
	for k, i := range s.free {
		u[k] = s.toUnit(k, x[i])
	}
	return u
}

// point returns the point of the box for u, clipped.
func (s *space) point(u []float64) []float64 {
	x := append([]float64(nil), s.box.Lower...) // the fixed dimensions
	for k, i := range s.free {
		x[i] = s.toBox(k, u[k])
	}
	return x
}

// params returns what goptuna's samplers return: the clipped coordinates of u
// by name.
func (s *space) params(u []float64) map[string]float64 {
	p := make(map[string]float64, len(u))
	for k, name := range s.names {
		p[name] = s.toBox(k, u[k])
	}
	return p
}

// overshoot returns the squared distance of u from the unit cube.
func overshoot(u []float64) float64 {
	sum := 0.0
	for _, v := range u {
		d := max(-v, v-1, 0)
		sum += float64(d * d)
	}
	return sum
}

// mix turns a seed and the number of a stream into the seed of that stream
// (the finaliser of SplitMix64: Steele, Lea, Flood 2014), so that neighbouring
// seeds, zero among them, have nothing in common.
func mix(seed int64, stream int) uint64 {
	z := uint64(seed) + (uint64(stream)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
