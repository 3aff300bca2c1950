package similarity

import (
	"math"

	"mixmatch/merge/block"
)

// roundings is how many roundings what is left of a block may come to for it to
// be taken for rounding: a secret recipe may have rounded at every step.
const roundings = 20

// A basis is what least squares are taken on: products, summed with some weight
// for each tensor.
type basis struct {
	p      []float64 // full (n+1) x (n+1) matrix, see Gram
	weight func(*Products) float64
	noise  float64 // what one rounding of the target adds to a squared distance
	grain  float64 // what one rounding of a source adds, float16 at the coarsest
}

// least returns how much of a row must be left when others are taken from it for
// it to be told apart from them.
func (b *basis) least() float64 { return max(b.grain, indistinct*b.p[0]) }

// clear is the least squared length of a delta that is more than rounding: three
// roundings long.
func (b *basis) clear() float64 { return 9 * b.grain }

// apart returns |S_i - S_j|^2.
func (b *basis) apart(i, j int) float64 {
	m := int(math.Sqrt(float64(len(b.p))))
	product := func(i, j int) float64 { // <D_i,D_j>; D_0 is 0
		if i == 0 || j == 0 {
			return 0
		}
		return b.p[i*m+j]
	}
	return product(i, i) - 2*product(i, j) + product(j, j)
}

// plain counts all elements alike.
func (s *sum) plain() basis {
	return basis{s.p, func(*Products) float64 { return 1 }, s.floor, s.floor * s.fine()}
}

// byNoise counts each tensor by its noise; the unit is one rounding of an element.
func (s *sum) byNoise() basis {
	n := float64(s.len)
	return basis{s.weighted, func(t *Products) float64 { return float64(t.Len) / t.rounding(s.saved) }, n, n * s.fine()}
}

// fine is how much less a source's rounding is than that of a target that was
// rounded to fewer digits than float16 has.
func (s *sum) fine() float64 {
	if s.half > 0 && s.half < s.floor {
		return s.half / s.floor
	}
	return 1
}

// basis is byNoise where all that is left is rounding, else plain.
func (s *sum) basis() basis {
	if s.atNoise() {
		return s.byNoise()
	}
	return s.plain()
}

// rounding returns what rounding the tensor once adds to a squared distance: as it
// is stored, or as steps on the way were saved.
func (p *Products) rounding(saved bool) float64 {
	if saved {
		return max(p.Floor, p.Half)
	}
	return p.Floor
}

func (s *sum) atNoise() bool { return s.weighted != nil && s.left <= roundings }

// AtNoise reports whether all that the models leave of block id is rounding: as
// many roundings as the steps of a long recipe may come to, or fewer.
func (b *Blocks) AtNoise(id block.ID) bool { return b.sums[id].atNoise() }

// compare finds out how what all models together leave of the block compares
// with rounding. Where the target is stored finer than float16 the roundings may
// be those of steps that were saved as float16.
func (s *sum) compare() {
	if s.len == 0 || s.floor <= 0 {
		return
	}
	for _, saved := range []bool{false, true} {
		if saved && !(s.half > 4*s.floor) {
			return
		}
		s.saved, s.weighted = saved, make([]float64, len(s.p))
		m := len(s.absent) + 1
		for _, t := range s.tensors {
			if t.rounding(saved) <= 0 {
				s.weighted = nil
				return
			}
			u := float64(t.Len) / t.rounding(saved)
			for i, row := range t.P.Rows() {
				to := s.weighted[i*m+i : i*m+m]
				for k, v := range row {
					to[k] += float64(u * v)
				}
			}
		}
		for i := range m {
			for j := range i {
				s.weighted[i*m+j] = s.weighted[j*m+i]
			}
		}
		b := s.byNoise()
		rest, used := leftover(b.p, s.absent, b.least())
		s.left = rest / max(float64(s.len-used), float64(s.len)/4)
		if s.left <= roundings {
			return
		}
	}
	s.saved = false
}

// leftover returns the squared length that the last row of the products p has left
// when all differences from the first model are fitted to it, and how many were.
// Models that are absent and rows with less than least to themselves are left out.
func leftover(p []float64, absent []bool, least float64) (rest float64, used int) {
	m := len(absent) + 1
	a := make([]float64, len(p))
	copy(a, p)
	e := m - 1
	for i := 1; i < e; i++ {
		d := a[i*m+i]
		if absent[i] || !(d > max(least, dependent*p[i*m+i])) {
			continue
		}
		used++
		for j := i + 1; j < m; j++ {
			f := a[i*m+j] / d
			for l := j; l < m; l++ {
				a[j*m+l] -= float64(f * a[i*m+l])
			}
		}
	}
	return max(0, a[e*m+e]), used
}
