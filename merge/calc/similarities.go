package calc

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// A Range is where most of the similarities of two models lie.
type Range struct{ Lo, Hi float64 }

// Similarities collects the similarities of two models, one key after another,
// in any order. They take 4 bytes for each column, some ten megabytes for a
// model of SD1.
type Similarities struct {
	calc   Calc
	values []float32
}

// NewSimilarities returns an empty collection for CosineA or CosineB.
func NewSimilarities(c Calc) (*Similarities, error) {
	if c != CosineA && c != CosineB {
		return nil, fmt.Errorf("%s compares no similarities", c)
	}
	return &Similarities{calc: c}, nil
}

// Add adds those of one key that both models have. SuperMerger asks all keys
// here, merged or not, integers too (their format does not matter, as long as
// float32 holds them); the ones it leaves out are left out: those without
// "model" in their names, and the VAE's (mergers.py:705).
func (s *Similarities) Add(key string, a, b Tensor) error {
	if !block.ComparedByCosine(key) {
		return nil
	}
	a.DType, b.DType = F32, F32
	for i, t := range []Tensor{a, b} {
		if err := t.check(); err != nil {
			return fmt.Errorf("%s in model %c: %w", key, 'A'+i, err)
		}
	}
	if !slices.Equal(a.Shape, b.Shape) {
		return fmt.Errorf("%s: %w: model A has %v, B %v", key, ErrShape, a.Shape, b.Shape)
	}
	columns, means := similarity(s.calc, a, b)
	if s.calc == CosineB {
		columns = means
	}
	for _, v := range columns {
		if v == v {
			s.values = append(s.values, v)
		}
	}
	return nil
}

// Range returns the range of the similarities added so far, without the least
// hundredth of them, and then without the greatest of the rest.
func (s *Similarities) Range() (Range, error) {
	slices.Sort(s.values)
	x := s.values
	if len(x) == 0 {
		return Range{}, errors.New("the models have nothing to compare")
	}
	low := percentile(x, 0.01)
	from, _ := slices.BinarySearchFunc(x, low, compare)
	x = x[from:]
	high := percentile(x, 0.99)
	for len(x) > 0 && float64(x[len(x)-1]) > high {
		x = x[:len(x)-1]
	}
	r := Range{float64(x[0]), float64(x[len(x)-1])}
	if r.Lo == r.Hi {
		return r, errors.New("the models are equally alike everywhere, so there is no range to compare with")
	}
	return r, nil
}

func compare(v float32, low float64) int {
	if float64(v) < low {
		return -1
	}
	return 1
}

// percentile returns the q-quantile of x, which is sorted: an element, or the
// middle of two (numpy's method "midpoint").
func percentile(x []float32, q float64) float64 {
	at := float64(float64(len(x)-1) * q)
	a, b := float64(x[int(math.Floor(at))]), float64(x[int(math.Ceil(at))])
	return b - float64((b-a)/2)
}
