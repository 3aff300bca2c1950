package calc

import "mixmatch/merge/vec"

// Elements computed at a time, so that what lies between two steps stays in the
// cache.
const part = 2048

// mergeNormal merges the plain way into dst, and returns the format.
func (s Step) mergeNormal(dst []float32, a, b, c Tensor) string {
	if s.Mode == WeightSum {
		switch s.Alpha { // passed through, with format and all (mergers.py:530)
		case 0:
			copy(dst, a.Data)
			return a.DType
		case 1:
			copy(dst, b.Data)
			return b.DType
		}
	}
	native, dtype := s.native(), s.normalDType(a.DType, b.DType, c.DType)
	var buf, buf2 [part]float32
	for at := 0; at < len(dst); at += part {
		end := min(at+part, len(dst))
		out, x, y, z := dst[at:end], a.Data[at:end], b.Data[at:end], []float32(nil)
		t := buf[:len(out)]
		if s.Mode != WeightSum {
			z = c.Data[at:end]
		}
		switch {
		case native:
			s.native3(out, t, buf2[:len(out)], operand{a.DType, x}, operand{b.DType, y}, operand{c.DType, z})
			continue // rounded at each step
		case s.Mode == WeightSum:
			lerp(out, x, y, float32(s.Alpha))
		case s.Mode == AddDifference:
			subtract(t, y, z)
			round(b.DType, t)
			addScaled(out, x, t, float32(s.Alpha))
		case s.Mode == TripleSum:
			lerp(t, y, z, float32(s.Beta/(s.Alpha+s.Beta)))
			lerp(out, x, t, float32(s.Alpha+s.Beta))
		case s.Mode == SumTwice:
			lerp(t, x, y, float32(s.Alpha))
			lerp(out, t, z, float32(s.Beta))
		}
		round(dtype, out)
	}
	return dtype
}

// normalDType is DType for Normal.
func (s Step) normalDType(a, b, c string) string {
	switch {
	case s.Mode == WeightSum && s.Alpha == 1:
		return b
	case s.Mode == WeightSum && s.Alpha == 0 || !s.native():
		return a
	case s.Mode == WeightSum:
		return promote(a, b)
	}
	return promote(promote(a, b), c)
}

// subtract sets dst to x - y.
func subtract(dst, x, y []float32) {
	copy(dst, x[:len(dst)])
	vec.Sub(dst, y[:len(dst)])
}

// addScaled sets dst to x + w*y, with two roundings.
func addScaled(dst, x, y []float32, w float32) {
	copy(dst, x[:len(dst)])
	vec.Axpy(dst, w, y[:len(dst)])
}
