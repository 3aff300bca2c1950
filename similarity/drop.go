package similarity

// A solution is a least-squares problem that is solved, from which unknowns can be
// taken one by one: in n^2 steps each, where solving anew takes n^3.
//
// With h the inverse of the products of all n regressors, the one without regressor
// k is h - h_k h_k' / h_kk without row and column k, the coefficients are x - h_k x_k
// / h_kk, and what is left grows by x_k^2 / h_kk. (The inverse of a part of a matrix
// is a Schur complement of its inverse.) That holds as well for weights that sum to
// 1, with h carried over to them; see [affine].
type solution struct {
	n    int
	x    []float64
	h    []float64 // n x n
	rest float64   // squared length that is left
}

// twin reports whether some other unknown can hardly be told from k. What is left when k
// goes is then the small difference of large numbers, and is to be solved anew.
func (s *solution) twin(k int) bool {
	const alike = 1 - 1e-8
	for i := range s.n {
		if v := s.h[i*s.n+k]; i != k && v*v > alike*s.h[i*s.n+i]*s.h[k*s.n+k] && v != 0 {
			return true
		}
	}
	return false
}

// drop takes unknown k from the problem. One whose h_kk is 0 is not part of it.
func (s *solution) drop(k int) {
	n := s.n
	if d := s.h[k*n+k]; d > 0 {
		for i := range n {
			f := s.h[i*n+k] / d
			if f == 0 || i == k {
				continue
			}
			s.x[i] -= float64(f * s.x[k])
			for j := range n {
				if j != k {
					s.h[i*n+j] -= float64(f * s.h[k*n+j])
				}
			}
		}
		s.rest += s.x[k] * s.x[k] / d
	}
	at := 0
	for i := range n {
		for j := range n {
			if i != k && j != k {
				s.h[at] = s.h[i*n+j]
				at++
			}
		}
	}
	copy(s.x[k:], s.x[k+1:])
	s.n, s.x, s.h = n-1, s.x[:n-1], s.h[:at]
}
