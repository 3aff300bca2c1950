package similarity

import (
	"math"
	"strings"

	"mixmatch/merge/block"
)

// An analysis is the least-squares mix of all models in one block, and how each
// model there could be made up of the others.
type analysis struct {
	id      block.ID
	on      basis
	len     float64
	models  int    // how many are models, whose weights sum to 1; the others are differences
	told    []bool // by model: it is there and can be told apart from those before it
	weights []float64
	rss     float64 // what they leave: the squared distance, in the units of the basis
	phi     float64 // the same in roundings of an element, at the least 1

	// cross is the inverse of the products, carried over to weights of models that
	// sum to 1: n x n, each row sums to 0 over the models. If model k is fitted by an
	// affine mix of the others, i has the coefficient -cross[k][i]/cross[k][k], and
	// 1/cross[k][k] is the squared length that is left.
	cross []float64

	// variance is that of the weights: of noise that differs from tensor to tensor
	// (White), and of residuals that go together within a tensor (clustered).
	variance []float64
}

// analyse solves block id for all models on a basis.
func (b *Blocks) analyse(id block.ID, on basis) *analysis {
	s := &b.sums[id]
	n := len(b.Names)
	m := n + 1
	a := &analysis{id: id, on: on, len: float64(s.len), models: b.models, told: make([]bool, n), weights: make([]float64, n)}
	// The rows are D_1 .. D_n-1 and the response E.
	k := make([]float64, n*n)
	for i := range n {
		for j := range n {
			k[i*n+j] = a.on.p[(i+1)*m+j+1]
		}
	}
	keep := independent(k, n-1, a.on.least())
	for i := range keep {
		// A delta that stands less than three roundings clear is not to be weighed.
		keep[i] = keep[i] && !s.absent[i+1] && k[i*n+i] > a.on.clear()
		a.told[i+1] = keep[i]
	}
	a.told[0] = true
	z, inverse := leastSquares(k, keep)
	a.rss = k[n*n-1]
	a.weights[0] = 1
	for i, v := range z {
		a.weights[i+1] = v
		if i+1 < a.models {
			a.weights[0] -= v
		}
		a.rss -= float64(v * k[i*n+n-1])
	}
	a.rss = max(0, a.rss)
	a.phi = max(1, a.rss/a.on.noise*a.len/max(a.len-float64(n-1), a.len/4))
	a.cross = affine(inverse, n, a.models)
	a.variance = a.scatter(s.tensors, z, inverse)
	return a
}

// affine carries a covariance of the coefficients of D_1 .. D_n-1 over to all n
// weights, of which the first so many are those of models and sum to 1.
func affine(c []float64, n, models int) []float64 {
	out := make([]float64, n*n)
	for i := range n - 1 {
		for j := range n - 1 {
			v := c[i*(n-1)+j]
			out[(i+1)*n+j+1] = v
			if j+1 < models {
				out[(i+1)*n] -= v
			}
			if i+1 < models {
				out[j+1] -= v
			}
			if i+1 < models && j+1 < models {
				out[0] += v
			}
		}
	}
	return out
}

// scatter returns the variances of the weights, with both kinds of noise.
func (a *analysis) scatter(tensors []*Products, z, inverse []float64) []float64 {
	n := len(a.weights)
	meat := make([]float64, (n-1)*(n-1))
	score, full := make([]float64, n-1), make([]float64, n*n)
	groups := float64(len(tensors))
	for _, t := range tensors {
		u := a.on.weight(t)
		t.deltas(full)
		rss := full[n*n-1]
		for i := range n - 1 {
			fitted := 0.0
			for j, v := range z {
				fitted += float64(v * full[i*n+j])
			}
			score[i] = u * (full[i*n+n-1] - fitted)
			rss -= float64(z[i] * (float64(2*full[i*n+n-1]) - fitted))
		}
		noise := u * u * max(rss, t.Floor) / float64(t.Len)
		for i := range n - 1 {
			for j := range n - 1 {
				v := float64(noise * full[i*n+j])
				if groups > 1 {
					v += float64(score[i] * score[j] * groups / (groups - 1))
				}
				meat[i*(n-1)+j] += v
			}
		}
	}
	cov := affine(mul(mul(inverse, meat, n-1), inverse, n-1), n, a.models)
	variance := make([]float64, n)
	for i := range variance {
		variance[i] = max(0, cov[i*n+i])
		if !a.told[i] {
			variance[i] = math.Inf(1)
		}
	}
	return variance
}

// deltas sets full, n x n, to the products of D_1 .. D_n-1 and E.
func (p *Products) deltas(full []float64) {
	n := int(math.Sqrt(float64(len(full))))
	for i, row := range p.P.some(func(i int) bool { return i > 0 }) { // but that of B
		i--
		for k, v := range row {
			full[i*n+i+k], full[(i+k)*n+i] = v, v
		}
	}
}

func (a *analysis) apart(i, j int) float64 { return a.on.apart(i, j) }

// like returns the affine mix of the others that comes closest to model k, the
// coefficient of each, and the squared length that it leaves.
func (a *analysis) like(k int) (coefficients []float64, left float64, ok bool) {
	n := len(a.weights)
	d := a.cross[k*n+k]
	if !(d > 0) {
		return nil, 0, false
	}
	coefficients = make([]float64, n)
	for i := range n {
		if i != k {
			coefficients[i] = -a.cross[k*n+i] / d
		}
	}
	return coefficients, 1 / d, true
}

// A kind is a sort of tensor that tools and training treat alike.
type kind int

const (
	attention kind = iota
	feedForward
	otherWeights
	kinds
)

// kindOf returns the kind of a tensor; false for the small ones, biases and
// norms, whose numbers are few and of another size.
func kindOf(key string) (kind, bool) {
	switch {
	case !strings.HasSuffix(key, "weight") && !strings.Contains(key, "proj") || strings.Contains(key, "norm") ||
		strings.Contains(key, "ln_") || strings.HasSuffix(key, "bias") ||
		strings.Contains(key, "in_layers.0.") || strings.Contains(key, "out_layers.0.") || strings.HasSuffix(key, ".out.0.weight"):
		return 0, false
	case strings.Contains(key, "attn"), strings.Contains(key, "ttention"):
		return attention, true
	case strings.Contains(key, ".ff.") || strings.Contains(key, "mlp") || strings.Contains(key, "feed_forward") || strings.Contains(key, "DenseReluDense"):
		return feedForward, true
	}
	return otherWeights, true
}

// A residual is what a mix leaves in each kind of tensor, and what one rounding
// of them comes to.
type residual struct{ left, noise [kinds]float64 }

func (r *residual) add(o *residual) {
	for k := range r.left {
		r.left[k] += o.left[k]
		r.noise[k] += o.noise[k]
	}
}

// alike reports whether the residual in roundings is the same in all kinds, within
// a factor: that of rounding is, that of a LoRA or of training is not.
func (r *residual) alike(factor float64) bool {
	lo, hi := math.Inf(1), 0.0
	for k := range r.left {
		if r.noise[k] > 0 && r.left[k] > 0 {
			// Below one rounding, as where a model is copied, is rounding still.
			q := max(1, r.left[k]/r.noise[k])
			lo, hi = min(lo, q), max(hi, q)
		}
	}
	return hi <= factor*lo
}

// residualOf returns what weights w leave in the tensors of block id.
func (b *Blocks) residualOf(id block.ID, w []float64) *residual {
	s := &b.sums[id]
	n := len(w)
	r := &residual{}
	full := make([]float64, n*n)
	for _, t := range s.tensors {
		k, ok := kindOf(t.Key)
		if !ok || t.Len < 256 {
			continue
		}
		t.deltas(full)
		d := full[n*n-1]
		for i := 1; i < n; i++ {
			if w[i] == 0 {
				continue
			}
			d -= float64(2 * w[i] * full[(i-1)*n+n-1])
			for j := 1; j < n; j++ {
				d += float64(w[i] * w[j] * full[(i-1)*n+j-1])
			}
		}
		if full[n*n-1] > 0 { // else the target is the first model's here
			r.left[k] += max(0, d)
			r.noise[k] += t.rounding(s.saved)
		}
	}
	return r
}
