package similarity

import "math"

// A Twin is a pair of models that cannot be told apart.
type Twin struct {
	A, B       string
	Difference float64 // |S_a - S_b| as a share of |S_a|
}

// Twins returns the pairs of models that differ by less than one percent of
// what they differ from the first model, or, for twins of that, by less than
// 1e-6 of its norm: how a mix divides between the two rests on noise.
func (b *Blocks) Twins() []Twin {
	n := len(b.Names)
	m := n + 1
	p := make([]float64, m*m)
	for _, s := range b.sums {
		for k, v := range s.p {
			p[k] += v
		}
	}
	var twins []Twin
	for i := range n {
		for j := i + 1; j < n; j++ {
			if b.IsDifference(i) != b.IsDifference(j) {
				continue
			}
			apart, norm, limit := p[j*m+j], p[0], 1e-12*p[0]
			if i > 0 {
				apart += p[i*m+i] - 2*p[i*m+j]
				norm += 2*p[i] + p[i*m+i]
				if b.IsDifference(i) {
					norm = p[i*m+i]
				}
				limit = 1e-4 * max(p[i*m+i], p[j*m+j])
			}
			if apart <= limit {
				twins = append(twins, Twin{b.Names[i], b.Names[j], math.Sqrt(max(0, apart) / max(norm, math.SmallestNonzeroFloat64))})
			}
		}
	}
	return twins
}
