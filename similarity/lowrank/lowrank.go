// Package lowrank tells whether a matrix is a few strong directions in noise,
// and which ones: a LoRA that somebody baked into a model, seen in what the
// model's sources leave unexplained.
//
// [Find] decides the rank, [Best] takes the rank that it is given. Both see the
// matrix through a sketch of a few dozen columns (Halko, Martinsson and Tropp,
// SIAM Review 53, 2011), so that a matrix of 1280 x 1280 costs milliseconds.
//
// The results are the same, bit for bit, in every run, on every processor and
// whatever the number of threads: the sketch is seeded by the matrix's shape, and
// sums have a fixed order.
package lowrank

import (
	"context"
	"math"
)

// A Matrix is what is searched, row by row. Its numbers must be finite: one NaN
// makes every product with it NaN, and it is for the caller, who knows which
// tensor it is and of which model, to refuse it.
type Matrix struct {
	Rows, Cols int
	Data       []float32 // Rows*Cols numbers
}

// A Found is a matrix taken apart: A = U S V' + rest.
type Found struct {
	Rank int
	U    []float32 // Rows x Rank, orthonormal columns
	S    []float64 // the singular values, the largest first
	V    []float32 // Cols x Rank, orthonormal columns

	Energy  float64 // |A|^2, the sum of the squares of its numbers
	Outside float64 // the same of the rest
	Gap     float64 // the last singular value of U S V' by the first of the rest: infinite without a rest, 0 at rank 0
	Edge    float64 // no singular value of a rest that is noise is larger
}

// Noise returns the mean square of a number of the rest: the level of the noise
// if there is nothing in the rest but noise. The directions of U and V take with
// them what noise there is along them.
func (f *Found) Noise(a Matrix) float64 {
	free := float64(a.Rows-f.Rank) * float64(a.Cols-f.Rank)
	if free <= 0 {
		return 0
	}
	return f.Outside / free
}

// Columns of the sketches: the first finds ranks up to 40 and sees whether a
// second is worth its time. They are multiples of the 48 that the fastest
// product takes at once.
const (
	fewColumns  = 48
	manyColumns = 144
)

// spare is how many columns a sketch needs beyond the rank that it shows, so
// that the first values after it are true.
const spare = 8

// Find decides whether a few singular values of a stand clear of its noise, of
// which the mean square in an element is known to be noise or more, and returns
// their directions, at most most of them; 0 stands for as many as can be seen.
// The rank is 0 if it finds none: in pure noise, in the difference to a model
// that was trained on its own, whose singular values fall without a step, and
// where the rank would be half of what a could have, or more. A large matrix takes a
// second: it ends with ctx, and what it returns then is worth nothing.
func Find(ctx context.Context, a Matrix, noise float64, most int) *Found {
	s := newSearch(a, noise, most)
	if s.energy == 0 || s.most < 1 {
		return &Found{Energy: s.energy, Outside: s.energy}
	}
	if min(a.Rows, a.Cols) <= manyColumns {
		sk := s.exact()
		return s.found(sk, s.rank(sk))
	}
	sk := s.sketch(ctx, fewColumns)
	if sk == nil {
		return &Found{}
	}
	rank := s.rank(sk)
	if rank == 0 && s.promising(sk) {
		if sk = s.sketch(ctx, manyColumns); sk == nil {
			return &Found{}
		}
		rank = s.rank(sk)
	}
	if rank == 0 {
		return s.found(sk, 0)
	}
	if !s.again(ctx, sk) { // once more and better, now that it is worth it
		return &Found{}
	}
	return s.found(sk, s.rank(sk))
}

// Best returns the r strongest directions of a, whatever they are. It ends with ctx
// as [Find] does.
func Best(ctx context.Context, a Matrix, r int) *Found {
	s := newSearch(a, 0, 0)
	r = min(r, a.Rows, a.Cols)
	if s.energy == 0 || r < 1 {
		return &Found{Energy: s.energy, Outside: s.energy}
	}
	var sk *sketch
	if min(a.Rows, a.Cols) <= max(manyColumns, r+spare) {
		sk = s.exact()
	} else {
		sk = s.sketch(ctx, r+max(spare, r/4))
		if sk == nil || !s.again(ctx, sk) {
			return &Found{}
		}
	}
	for r > 0 && sk.values[r-1] == 0 {
		r--
	}
	return s.found(sk, r)
}

// A search is what is known of the matrix before it is taken apart.
type search struct {
	a      Matrix
	energy float64 // |A|^2
	noise  float64
	most   int       // no higher rank
	byRow  []float64 // |A|^2 of each row
	byCol  []float64 // and of each column; made when it is needed
}

func newSearch(a Matrix, noise float64, most int) *search {
	s := &search{a: a, noise: max(noise, 0), most: (min(a.Rows, a.Cols) - 1) / 2}
	if most > 0 {
		s.most = min(s.most, most)
	}
	s.byRow = make([]float64, a.Rows)
	for i := range a.Rows {
		s.byRow[i] = square(a.row(i))
		s.energy += s.byRow[i]
	}
	return s
}

func (a Matrix) row(i int) []float32 { return a.Data[i*a.Cols : (i+1)*a.Cols] }

// found returns the first r directions of a sketch.
func (s *search) found(sk *sketch, r int) *Found {
	f := &Found{Rank: r, S: sk.values[:r:r], Energy: s.energy, Outside: s.energy}
	for _, v := range f.S {
		f.Outside -= float64(v * v)
	}
	// Below the rounding of the sums there is nothing.
	if f.Outside < 1e-12*s.energy {
		f.Outside = 0
	}
	f.Edge = edge(s.a, r, max(s.noise, f.Noise(s.a)))
	if r == 0 {
		return f
	}
	f.U, f.V = sk.left(r), sk.right(r)
	f.Gap = math.Inf(1)
	if r < len(sk.values) && sk.values[r] > 0 {
		f.Gap = f.S[r-1] / sk.values[r]
	}
	return f
}
