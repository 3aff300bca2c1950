package optimize

import (
	"math"
	"math/rand/v2"
	"slices"

	"mixmatch/merge/portable"
)

// A point of a generation, with the value that the function has there.
type point struct {
	x     []float64
	value float64
}

// A strategy is the CMA evolution strategy with active covariance updates: the
// algorithm of N. Hansen, "The CMA Evolution Strategy: A Tutorial"
// (arXiv:1604.00772), whose symbols and numbers of equations these are. It
// minimises; of the values it looks at the order alone.
//
// It is our own because what is drawn must be the same on every processor, which
// goptuna's optimizer is not: gonum adds up otherwise where it has no assembly, and
// the eigenvectors of equal eigenvalues are then altogether other ones.
type strategy struct {
	n, lambda, mu    int
	weights          []float64 // lambda, falling; the last ones are negative
	muEff, total     float64   // total is the sum of the weights
	cSigma, dSigma   float64
	cC, c1, cMu, chi float64
	m                []float64 // mean
	sigma, first     float64   // step, and what it was at first
	c                []float64 // covariance, n x n
	b, d             []float64 // its eigenvectors, and the roots of its eigenvalues
	stale            bool      // b and d are not those of c
	pSigma, pC       []float64 // paths
	undone           float64   // (1-cSigma)^(2g), of generation g
	seen             []float64 // the best and the worst value of each generation
	z                normals
}

// newStrategy begins at mean with step sigma. lambda points make a generation; 0
// is the tutorial's number for the dimension.
func newStrategy(mean []float64, sigma float64, lambda int, seed uint64) *strategy {
	n := len(mean)
	if lambda == 0 {
		lambda = 4 + int(3*portable.Log(float64(n)))
	}
	s := &strategy{
		n: n, lambda: lambda, mu: lambda / 2,
		m: slices.Clone(mean), sigma: sigma, first: sigma,
		c: make([]float64, n*n), pSigma: make([]float64, n), pC: make([]float64, n), undone: 1,
		stale: true, z: normals{rng: rand.New(rand.NewPCG(seed, 0))},
	}
	for i := range n {
		s.c[i*n+i] = 1
	}
	s.constants()
	return s
}

// constants sets what depends on n and lambda alone: equations 49 to 58 and 30.
func (s *strategy) constants() {
	n, lambda := float64(s.n), float64(s.lambda)
	var plus, plus2, minus, minus2 float64
	for i := range s.lambda {
		w := portable.Log((lambda+1)/2) - portable.Log(float64(i+1))
		s.weights = append(s.weights, w)
		if i < s.mu {
			plus, plus2 = plus+w, plus2+float64(w*w)
		} else {
			minus, minus2 = minus-w, minus2+float64(w*w)
		}
	}
	s.muEff = plus * plus / plus2
	muEffMinus := minus * minus / minus2
	s.c1 = 2 / (square(n+1.3) + s.muEff)
	s.cMu = min(1-s.c1, 2*(s.muEff-2+1/s.muEff)/(square(n+2)+s.muEff))
	s.cC = (4 + s.muEff/n) / (n + 4 + float64(2*s.muEff/n))
	s.cSigma = (s.muEff + 2) / (n + s.muEff + 5)
	s.dSigma = 1 + float64(2*max(0, math.Sqrt((s.muEff-1)/(n+1))-1)) + s.cSigma
	s.chi = math.Sqrt(n) * (1 - 1/float64(4*n) + 1/float64(21*n*n))
	alpha := min(1+s.c1/s.cMu, 1+float64(2*muEffMinus/(s.muEff+2)), (1-s.c1-s.cMu)/float64(n*s.cMu))
	for i, w := range s.weights {
		if w >= 0 {
			s.weights[i] = w / plus
		} else {
			s.weights[i] = alpha * w / minus
		}
		s.total += s.weights[i]
	}
}

// ask draws a point, m + sigma B D z (38 to 40). It is false where the covariance
// has come to have eigenvalues that are not positive.
func (s *strategy) ask() ([]float64, bool) {
	if s.stale && !s.decompose() {
		return nil, false
	}
	x := slices.Clone(s.m)
	for i := range s.n {
		portable.AddScaled(x, float64(s.sigma*s.d[i]*s.z.draw()), s.b[i*s.n:(i+1)*s.n])
	}
	return x, finite(x)
}

func (s *strategy) decompose() bool {
	values, vectors, ok := portable.Eigen(s.c, s.n)
	if !ok || !(values[s.n-1] > 0) {
		return false
	}
	for i, v := range values {
		values[i] = math.Sqrt(v)
	}
	s.b, s.d, s.stale = vectors, values, false
	return true
}

// tell takes a generation of lambda points, in any order.
func (s *strategy) tell(gen []point) {
	gen = slices.Clone(gen)
	slices.SortStableFunc(gen, func(a, b point) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	s.seen = append(s.seen, gen[0].value, gen[len(gen)-1].value)
	n := s.n
	y := make([]float64, s.lambda*n) // where the points are, in steps from the mean
	mean := make([]float64, n)       // of the better half (41)
	for i, p := range gen {
		of := y[i*n : (i+1)*n]
		for k := range of {
			of[k] = (p.x[k] - s.m[k]) / s.sigma
		}
		if i < s.mu {
			portable.AddScaled(mean, s.weights[i], of)
		}
	}
	portable.AddScaled(s.m, s.sigma, mean) // (42)

	scale(s.pSigma, 1-s.cSigma) // (43)
	portable.AddScaled(s.pSigma, math.Sqrt(s.cSigma*(2-s.cSigma)*s.muEff), s.whitened(mean))
	length := math.Sqrt(portable.Dot(s.pSigma, s.pSigma))
	s.undone = float64(s.undone * square(1-s.cSigma))
	short := length < (1.4+2/float64(n+1))*s.chi*math.Sqrt(1-s.undone)

	scale(s.pC, 1-s.cC) // (45)
	forgotten := s.cC * (2 - s.cC)
	if short {
		forgotten = 0
		portable.AddScaled(s.pC, math.Sqrt(s.cC*(2-s.cC)*s.muEff), mean)
	}
	scale(s.c, 1+float64(s.c1*forgotten)-s.c1-float64(s.cMu*s.total)) // (47)
	s.addOuter(s.c1, s.pC)
	for i, w := range s.weights {
		of := y[i*n : (i+1)*n]
		if w < 0 { // (46)
			z := s.whitened(of)
			w *= float64(n) / (portable.Dot(z, z) + 1e-16)
		}
		s.addOuter(s.cMu*w, of)
	}
	s.sigma *= portable.Exp(s.cSigma / s.dSigma * (length/s.chi - 1)) // (44)
	s.stale = true
}

// whitened returns C^(-1/2) y, by the eigenvectors that the generation was drawn
// with.
func (s *strategy) whitened(y []float64) []float64 {
	z := make([]float64, s.n)
	for i := range s.n {
		b := s.b[i*s.n : (i+1)*s.n]
		portable.AddScaled(z, portable.Dot(b, y)/s.d[i], b)
	}
	return z
}

// addOuter adds f y y' to the covariance.
func (s *strategy) addOuter(f float64, y []float64) {
	for i, v := range y {
		portable.AddScaled(s.c[i*s.n:(i+1)*s.n], f*v, y)
	}
}

// over reports whether there is nothing more to be found: the values of many
// generations are alike, the steps are nothing beside the first one, or beyond it,
// or in one direction so much longer than in another that rounding decides.
func (s *strategy) over() bool {
	const alike, nothing, beyond, condition = 1e-12, 1e-12, 1e4, 1e7
	last := 10 + (30*s.n+s.lambda-1)/s.lambda
	if k := len(s.seen) - 2*last; k > 0 {
		if low, high := slices.Min(s.seen[k:]), slices.Max(s.seen[k:]); high-low < alike {
			return true
		}
	}
	if s.stale && !s.decompose() {
		return true
	}
	if s.d[0] > condition*s.d[s.n-1] || s.sigma*s.d[0] > beyond*s.first {
		return true
	}
	for i := range s.n {
		if s.sigma*max(math.Abs(s.pC[i]), math.Sqrt(s.c[i*s.n+i])) > nothing*s.first {
			return false
		}
	}
	return true
}

func scale(x []float64, f float64) {
	for i := range x {
		x[i] *= f
	}
}
