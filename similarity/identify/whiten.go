package identify

import (
	"math"
	"slices"

	"mixmatch/merge/portable"
	"mixmatch/merge/vec"
	"mixmatch/similarity/fingerprint"
)

// whiten makes the records held ready for [screen.best].
func (s *screen) whiten(threads int) {
	var some []*fingerprint.Coarse
	step := max(1, len(s.held)/sampled)
	for i := 0; i < len(s.held); i += step {
		if !s.held[i].difference {
			some = append(some, s.held[i].coarse)
		}
	}
	s.centre = medianOf(some)
	s.turn = whitening(some, s.centre)
	share(len(s.held), threads, func(from, to int) {
		for i := from; i < to; i++ {
			h := &s.held[i]
			var out fingerprint.Coarse
			h.length = s.white(&out, h.coarse, h.difference)
			h.coarse = &out
		}
	})
	s.whitened = true
}

// white sets out to the whitened vector of a record, made 1 long, and returns how long
// it was.
func (s *screen) white(out, c *fingerprint.Coarse, difference bool) float32 {
	var x fingerprint.Coarse
	for k, v := range c {
		x[k] = v
		if !difference {
			x[k] = float32(float64(v) - s.centre[k])
		}
	}
	sum := 0.0
	for k, row := range s.turn {
		v := vec.Dot(row, x[:])
		out[k] = float32(v)
		sum += float64(v * v)
	}
	length := math.Sqrt(sum)
	if length > 0 {
		vec.Scale(out[:], float32(1/length), out[:])
	}
	return float32(length)
}

// medianOf returns the median of each number.
func medianOf(some []*fingerprint.Coarse) []float64 {
	out := make([]float64, fingerprint.CoarseLen)
	column := make([]float32, len(some))
	for k := range out {
		for i, c := range some {
			column[i] = c[k]
		}
		slices.Sort(column)
		if n := len(column); n > 0 {
			out[k] = (float64(column[n/2]) + float64(column[(n-1)/2])) / 2
		}
	}
	return out
}

// whitening returns the rows of a matrix that makes the covariance of some records the
// identity. No record counts for more than the median one, and the less records there
// are, the less is trusted in.
func whitening(some []*fingerprint.Coarse, centre []float64) [][]float32 {
	const n = fingerprint.CoarseLen
	lengths := make([]float64, len(some))
	for i, c := range some {
		for k, v := range c {
			d := float64(v) - centre[k]
			lengths[i] += float64(d * d)
		}
	}
	sorted := slices.Clone(lengths)
	slices.Sort(sorted)
	cov, d := make([]float64, n*n), make([]float64, n)
	for i, c := range some {
		weight := 1.0
		if m := sorted[len(sorted)/2]; lengths[i] > m {
			weight = m / lengths[i]
		}
		for k, v := range c {
			d[k] = float64(v) - centre[k]
		}
		for k := range n {
			portable.AddScaled(cov[k*n:k*n+k+1], weight*d[k], d[:k+1])
		}
	}
	trace := 0.0
	for k := range n {
		trace += cov[k*n+k]
		for j := range k {
			cov[j*n+k] = cov[k*n+j]
		}
	}
	values, vectors, ok := portable.Eigen(cov, n)
	turn := make([][]float32, n)
	trust := float64(trace / n * (0.01 + float64(n)/float64(max(1, len(some)))))
	for k := range turn {
		turn[k] = make([]float32, n)
		if !ok || !(trace > 0) { // all are the same, or not finite: as they are
			turn[k][k] = 1
			continue
		}
		f := 1 / math.Sqrt(max(0, values[k])+trust)
		for j := range n {
			turn[k][j] = float32(f * vectors[k*n+j])
		}
	}
	return turn
}
