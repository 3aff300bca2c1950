package calc

import (
	"fmt"
	"math"
	"slices"

	"mixmatch/merge/block"
)

// Merge returns what the step makes of the tensors a, b and c that the models
// A, B and C have under key; c is looked at only if [Step.UsesC]. The shapes
// must be equal, save that model A, or B where C is subtracted, may be an
// inpainting model (9 channels) or one that edits images (8) beside others of 4
// channels: the channels they have in common are merged, and the others stay.
// That is for Normal only.
//
// The result uses the memory of dst if it is large enough; dst may be nil. It
// must not overlap the tensors, and no part of the result does.
//
// Numbers too large for the result's format become infinite, and nothing says
// so; nor does it where Extract or a cosine of nothing but zeros gives NaN.
func (s Step) Merge(dst []float32, key string, a, b, c Tensor) (Tensor, error) {
	if err := s.Check(); err != nil {
		return Tensor{}, err
	}
	tensors := []Tensor{a, b, c}
	if !s.UsesC() {
		tensors = tensors[:2]
	}
	for i, t := range tensors {
		if err := t.check(); err != nil {
			return Tensor{}, fmt.Errorf("%s in model %c: %w", key, 'A'+i, err)
		}
	}
	t, err := s.merge(dst, key, a, b, c)
	if err != nil {
		return Tensor{}, fmt.Errorf("%s: %w", key, err)
	}
	return t, nil
}

// Fits reports whether [Step.Merge] takes tensors of the shapes a, b and c; the
// error wraps [ErrShape]. Part says that B has but some of A's channels, so that
// the tensors must be merged whole.
func (s Step) Fits(a, b, c []int) (part bool, err error) {
	if s.UsesC() {
		if s.Mode == AddDifference && !s.raw() && inpaints(b, c) {
			b, part = c, true
		}
		if !slices.Equal(b, c) {
			return part, fmt.Errorf("%w: model B has %v, C %v", ErrShape, b, c)
		}
	}
	switch {
	case inpaints(a, b) && s.calc() == Normal:
		return true, nil
	case !slices.Equal(a, b) && inpaints(b, a):
		return part, fmt.Errorf("%w: only B is an inpainting model; swap A and B", ErrShape)
	case !slices.Equal(a, b):
		return part, fmt.Errorf("%w: model A has %v, B %v", ErrShape, a, b)
	case len(a) == 0 && (s.Calc == Slices || s.Calc == Slices2):
		return part, fmt.Errorf("%w: a lone number has no slices", ErrShape)
	}
	return part, nil
}

func (s Step) merge(dst []float32, key string, a, b, c Tensor) (Tensor, error) {
	if _, err := s.Fits(a.Shape, b.Shape, c.Shape); err != nil {
		return Tensor{}, err
	}
	if s.Mode == AddDifference && !s.raw() && inpaints(b.Shape, c.Shape) {
		b = b.head(c.Shape[1])
	}
	if inpaints(a.Shape, b.Shape) && s.calc() == Normal {
		return s.mergeHead(dst, a, b, c), nil
	}
	dst = grow(dst, len(a.Data))
	return Tensor{s.mergeData(dst, key, a, b, c), a.Shape, dst}, nil
}

// mergeData merges tensors of one shape into dst, and returns the format of
// what it made.
func (s Step) mergeData(dst []float32, key string, a, b, c Tensor) string {
	calc := s.calc()
	if calc == Normal {
		return s.mergeNormal(dst, a, b, c)
	}
	if s.Mode == AddDifference && !s.raw() {
		b = difference(b, c)
	}
	if s.keeps(key) {
		copy(dst, a.Data)
		return a.DType
	}
	switch calc {
	case CosineA, CosineB:
		s.mergeCosine(dst, a, b)
	case TrainDifference:
		return s.mergeTrain(dst, a, b, c)
	case SmoothAdd, SmoothAddMT:
		s.mergeSmooth(dst, a, b)
		return F32
	case Extract:
		s.mergeExtract(dst, a, b, c)
	case Slices, Slices2:
		return s.mergeSlices(dst, a, b)
	case Self:
		s.mergeSelf(dst, a)
	}
	return a.DType
}

// keeps reports whether the calculation mode leaves the key as model A has it.
func (s Step) keeps(key string) bool {
	switch s.Calc {
	case CosineA, CosineB:
		return block.SkippedByCosine(key)
	case Self:
		return s.Alpha == 0 || block.KeptBySelf(key)
	}
	return false
}

// DType returns the number format of what [Step.Merge] makes of tensors of the
// formats a, b and c under the key, for equal shapes; an inpainting tensor that
// is merged in part keeps a's. (TrainDifference keeps a's, too, where B and C
// are equal: only the values tell.)
func (s Step) DType(key, a, b, c string) string {
	switch calc := s.calc(); {
	case calc == Normal:
		return s.normalDType(a, b, c)
	case s.keeps(key):
		return a
	case calc == TrainDifference || calc == SmoothAdd || calc == SmoothAddMT:
		return F32
	case (calc == Slices || calc == Slices2) && s.Alpha+s.Beta > 1:
		return b
	}
	return a
}

// difference returns B - C as SuperMerger takes it since 2023-11: in float32,
// rounded to B's format.
func difference(b, c Tensor) Tensor {
	d := Tensor{b.DType, b.Shape, make([]float32, len(b.Data))}
	subtract(d.Data, b.Data, c.Data)
	round(d.DType, d.Data)
	return d
}

// inpaints reports whether a model with tensors of shape a may be merged with a
// usual one, of shape b, in the channels that they share (mergers.py:491).
func inpaints(a, b []int) bool {
	return len(a) == len(b) && len(a) > 1 && b[1] == 4 && (a[1] == 9 || a[1] == 8) &&
		a[0] == b[0] && slices.Equal(a[2:], b[2:])
}

// mergeHead merges the channels that b has, and keeps the other ones of a.
func (s Step) mergeHead(dst []float32, a, b, c Tensor) Tensor {
	head := a.head(b.Shape[1])
	merged := Tensor{Shape: head.Shape, Data: make([]float32, len(head.Data))}
	merged.DType = s.mergeNormal(merged.Data, head, b, c)
	round(a.DType, merged.Data)
	dst = grow(dst, len(a.Data))
	copy(dst, a.Data)
	if a.Shape[0] > 0 {
		n, m := len(a.Data)/a.Shape[0], len(head.Data)/a.Shape[0]
		for i := range a.Shape[0] {
			copy(dst[i*n:], merged.Data[i*m:(i+1)*m])
		}
	}
	return Tensor{a.DType, a.Shape, dst}
}

// head returns a copy of the first channels of t.
func (t Tensor) head(channels int) Tensor {
	shape := slices.Clone(t.Shape)
	shape[1] = channels
	h := Tensor{t.DType, shape, nil}
	if t.Shape[0] > 0 {
		n := len(t.Data) / t.Shape[0]
		for i := range t.Shape[0] {
			h.Data = append(h.Data, t.Data[i*n:i*n+n/t.Shape[1]*channels]...)
		}
	}
	return h
}

// check reports whether t is a tensor at all.
func (t Tensor) check() error {
	switch t.DType {
	case F16, BF16, F32:
	default:
		return fmt.Errorf("numbers of format %q cannot be merged", t.DType)
	}
	n := 1
	for _, d := range t.Shape {
		if d < 0 || d > 0 && n > math.MaxInt/d {
			return fmt.Errorf("no tensor has the shape %v", t.Shape)
		}
		n *= d
	}
	if n != len(t.Data) {
		return fmt.Errorf("%d values for the shape %v", len(t.Data), t.Shape)
	}
	return nil
}

// grow returns dst with n elements, in new memory if it is too small.
func grow(dst []float32, n int) []float32 {
	if cap(dst) < n {
		return make([]float32, n)
	}
	return dst[:n]
}
