package optimize

import (
	"math"
	"math/rand/v2"

	"github.com/c-bata/goptuna"
)

// The first step of CMA-ES, as a share of the width, where Settings.Sigma is 0.
const (
	warmSigma = 0.03
	coldSigma = 0.2
)

// maxGrowth bounds the population of restarts to this many times the first.
const maxGrowth = 64

// converged is the extent of a generation, as a share of the width, below which
// a run has nothing more to find. The strategy stops by the values before that
// if they are of order 1; this serves where they are large.
const converged = 1e-9

var _ goptuna.RelativeSampler = (*evolution)(nil)

// An evolution samples by CMA-ES (Hansen 2016, arXiv:1604.00772) in the unit
// cube, with restarts of doubled population (IPOP: Auger, Hansen 2005).
//
// The strategy knows no bounds. A point outside the cube is evaluated where
// it is clipped to, and told with 0.1 times its squared distance added, so a
// minimum on a bound is an ordinary minimum to it.
//
// Its state is a function of the seed and of the values told, so replaying the
// trials of an earlier run restores it, also in mid-generation. It serves one
// trial at a time.
type evolution struct {
	space *space
	seed  int64
	mean  []float64 // of the first run, in the unit cube
	sigma float64

	opt     *strategy // nil until the first point is asked for
	restart int       // how many restarts there were
	popsize int       // of the first run
	gen     []point   // evaluated but not told
	seen    int       // how many finished trials were looked at
	asked   int       // id of the trial that has the last point, or -1
	point   []float64 // that point, not clipped
}

func newCMAES(sp *space, s Settings) *evolution {
	e := &evolution{space: sp, seed: s.Seed, sigma: s.Sigma, asked: -1}
	if s.Start != nil {
		e.mean = sp.unit(s.Box.clip(s.Start))
	} else {
		e.mean = make([]float64, len(sp.free))
		for k := range e.mean {
			e.mean[k] = 0.5
		}
	}
	if e.sigma == 0 && s.Start != nil {
		e.sigma = warmSigma
	} else if e.sigma == 0 {
		e.sigma = coldSigma
	}
	return e
}

// SampleRelative returns the next point.
func (e *evolution) SampleRelative(study *goptuna.Study, trial goptuna.FrozenTrial, _ map[string]interface{}) (map[string]float64, error) {
	if len(e.space.free) == 0 {
		return nil, nil
	}
	trials, err := study.GetTrials()
	if err != nil {
		return nil, err
	}
	for _, t := range trials[e.seen:] {
		// The trial at the start is not ours, and must not enter a generation.
		if t.ID == e.asked && t.State == goptuna.TrialStateComplete {
			e.gen = append(e.gen, point{e.point, t.Value})
			e.asked = -1
		}
	}
	e.seen = len(trials)
	e.point = e.ask()
	e.asked = trial.ID
	return e.space.params(e.point), nil
}

// ask closes a full generation and returns a new point.
func (e *evolution) ask() []float64 {
	if e.opt == nil {
		e.begin(e.mean, e.sigma)
	}
	if len(e.gen) == e.opt.lambda {
		penalize(e.gen)
		e.opt.tell(e.gen)
		over := extent(e.gen) < converged || e.opt.over()
		e.gen = nil
		if over {
			e.again()
		}
	}
	x, ok := e.opt.ask()
	for !ok { // an eigenvalue of 0, by rounding: one more way of being at the end
		e.again()
		x, ok = e.opt.ask()
	}
	return x
}

// begin starts the strategy of restart number e.restart.
func (e *evolution) begin(mean []float64, sigma float64) {
	growth := min(1<<min(e.restart, 30), maxGrowth)
	e.opt, e.gen = newStrategy(mean, sigma, e.popsize*growth, mix(e.seed, e.restart)), nil
	if e.restart == 0 {
		e.popsize = e.opt.lambda
	}
}

// again restarts from a random point, with the step of a search that does not
// know where to begin.
func (e *evolution) again() {
	e.restart++
	rng := rand.New(rand.NewPCG(mix(e.seed, e.restart), 0))
	mean := make([]float64, len(e.space.free))
	for k := range mean {
		mean[k] = rng.Float64()
	}
	e.begin(mean, coldSigma)
}

// penalize adds to each value what the point owes for lying outside the cube.
// The scale is 1, as for a value that is a share of something, or the spread
// of the generation where that is more.
func penalize(gen []point) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range gen {
		if p.value < Penalty {
			lo, hi = min(lo, p.value), max(hi, p.value)
		}
	}
	scale := min(max(hi-lo, 1), 1e100) // no point with a value: hi-lo is -Inf
	for i, p := range gen {
		gen[i].value += float64(0.1 * scale * overshoot(p.x))
	}
}

// extent returns the greatest range of a coordinate over the generation.
func extent(gen []point) float64 {
	widest := 0.0
	for k := range gen[0].x {
		lo, hi := gen[0].x[k], gen[0].x[k]
		for _, p := range gen {
			lo, hi = min(lo, p.x[k]), max(hi, p.x[k])
		}
		widest = max(widest, hi-lo)
	}
	return widest
}

func finite(u []float64) bool {
	for _, v := range u {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
