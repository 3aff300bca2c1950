package optimize

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/c-bata/goptuna"

	"mixmatch/merge/portable"
)

// Numbers of the tree-structured Parzen estimator, hyperopt's where not noted.
const (
	tpeStartup    = 10  // trials before the first estimate
	tpeCandidates = 24  // draws, the best of which is proposed
	tpeBest       = 25  // at most this many trials are good ones
	tpeRest       = 400 // ours: of the others, so many of the latest count, so that a trial costs the same for ever
)

var _ goptuna.RelativeSampler = (*parzen)(nil)

// A parzen samples by the tree-structured Parzen estimator (Bergstra, Bardenet,
// Bengio, Kegl 2011): in each dimension it draws from a density of the good
// trials, and proposes the draw where that is greatest over the density of the
// others.
//
// It is our own because goptuna's tpe.Sampler (v0.9.0) cannot be seeded (the
// component of the mixture comes from the global random source) and has three
// slips in its density (tpe/sampler.go:178, 202, 272) that make every score NaN
// or infinite. Here each trial has a random stream of its own, from the seed
// and its number, so that the history is all the state there is.
type parzen struct {
	space *space
	seed  int64

	seen   int         // how many finished trials were looked at
	points [][]float64 // the completed ones, in the unit cube
	values []float64
	order  []int // indices of points, best first, of equals the earliest
}

func newTPE(sp *space, seed int64) *parzen { return &parzen{space: sp, seed: seed} }

// SampleRelative returns the next point.
func (p *parzen) SampleRelative(study *goptuna.Study, trial goptuna.FrozenTrial, _ map[string]interface{}) (map[string]float64, error) {
	trials, err := study.GetTrials()
	if err != nil {
		return nil, err
	}
	for _, t := range trials[p.seen:] {
		if t.State == goptuna.TrialStateComplete {
			p.add(t)
		}
	}
	p.seen = len(trials)
	rng := rand.New(rand.NewPCG(mix(p.seed, trial.Number), 0))
	return p.space.params(p.propose(rng)), nil
}

func (p *parzen) add(t goptuna.FrozenTrial) {
	u := make([]float64, len(p.space.free))
	for k, name := range p.space.names {
		u[k] = p.space.toUnit(k, t.InternalParams[name])
	}
	n := len(p.points)
	p.points = append(p.points, u)
	p.values = append(p.values, t.Value)
	at, _ := slices.BinarySearchFunc(p.order, t.Value, func(i int, v float64) int {
		if p.values[i] <= v {
			return -1
		}
		return 1
	})
	p.order = slices.Insert(p.order, at, n)
}

func (p *parzen) propose(rng *rand.Rand) []float64 {
	u := make([]float64, len(p.space.free))
	if len(p.points) < tpeStartup {
		for k := range u {
			u[k] = rng.Float64()
		}
		return u
	}
	good, rest := p.split()
	for k := range u {
		u[k] = pick(rng, newMixture(p.points, good, k), newMixture(p.points, rest, k))
	}
	return u
}

// split returns the indices of the best tenth, and of the latest others.
func (p *parzen) split() (good, rest []int) {
	n := min((len(p.order)+9)/10, tpeBest)
	good = slices.Sorted(slices.Values(p.order[:n]))
	for i := len(p.points) - 1; i >= 0 && len(rest) < tpeRest; i-- {
		if _, ok := slices.BinarySearch(good, i); !ok {
			rest = append(rest, i)
		}
	}
	return good, rest
}

// pick returns that of some draws from good which is the most likely under good
// compared with rest. Of equals the first.
func pick(rng *rand.Rand, good, rest mixture) float64 {
	best, score := 0.0, math.Inf(-1)
	for i := range tpeCandidates {
		x := good.draw(rng)
		if s := good.logDensity(x) - rest.logDensity(x); i == 0 || s > score {
			best, score = x, s
		}
	}
	return best
}

// A mixture is a density on [0, 1]: normal distributions of equal weight, each
// truncated to the interval. One of them, in the middle and as wide as the
// interval, is the prior.
type mixture struct {
	mu, sigma []float64
	log       []float64 // log of the factor before exp(-z^2/2), weight included
}

// newMixture puts a normal at coordinate k of each of the points. Its sigma is
// the distance to the farther of its neighbours, within 1/min(100, n+1) and 1.
func newMixture(points [][]float64, index []int, k int) mixture {
	n := len(index) + 1
	m := mixture{mu: make([]float64, 0, n), sigma: make([]float64, n), log: make([]float64, n)}
	for _, i := range index {
		m.mu = append(m.mu, points[i][k])
	}
	slices.Sort(m.mu)
	prior, _ := slices.BinarySearch(m.mu, 0.5)
	m.mu = slices.Insert(m.mu, prior, 0.5)
	least := 1 / float64(min(100, n))
	for i, mu := range m.mu {
		s := 0.0
		if i > 0 {
			s = mu - m.mu[i-1]
		}
		if i < n-1 {
			s = max(s, m.mu[i+1]-mu)
		}
		s = min(max(s, least), 1)
		if i == prior {
			s = 1
		}
		m.sigma[i] = s
		inside := portable.NormalCDF((1-mu)/s) - portable.NormalCDF(-mu/s) // at least 0.34, since sigma <= 1
		m.log[i] = -portable.Log(float64(n) * s * inside * math.Sqrt(2*math.Pi))
	}
	return m
}

// draw draws a normal, and from that until it is inside: at least one in three
// is.
func (m mixture) draw(rng *rand.Rand) float64 {
	i, z := rng.IntN(len(m.mu)), normals{rng: rng}
	for {
		if x := m.mu[i] + float64(m.sigma[i]*z.draw()); x >= 0 && x <= 1 {
			return x
		}
	}
}

// logDensity returns the logarithm of the density at x, by log-sum-exp.
func (m mixture) logDensity(x float64) float64 {
	top := math.Inf(-1)
	for i := range m.mu {
		top = max(top, m.term(i, x))
	}
	sum := 0.0
	for i := range m.mu {
		sum += portable.Exp(m.term(i, x) - top)
	}
	return top + portable.Log(sum)
}

func (m mixture) term(i int, x float64) float64 {
	z := (x - m.mu[i]) / m.sigma[i]
	return m.log[i] - float64(z*z/2)
}
