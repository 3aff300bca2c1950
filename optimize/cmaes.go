package optimize

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/c-bata/goptuna"
	"github.com/c-bata/goptuna/cmaes"
)

// The first step of CMA-ES, as a share of the width, where Settings.Sigma is 0.
const (
	warmSigma = 0.03
	coldSigma = 0.2
)

// maxGrowth bounds the population of restarts to this many times the first.
const maxGrowth = 64

// grid is the width of the box in the optimizer's own units. It adds 1e-8 to
// each coordinate of its mean in every generation (optimizer.go:332), which in
// a box of width 1 keeps it from ever converging, and so from ever restarting.
// A power of two, for exact scaling.
const grid = 1024

// converged is the extent of a generation, as a share of the width, below which
// a run has nothing more to find. The optimizer stops by the values before that
// if they are of order 1; this serves where they are large.
const converged = 1e-9

var _ goptuna.RelativeSampler = (*evolution)(nil)

// An evolution samples by CMA-ES (Hansen 2016, arXiv:1604.00772) in the unit
// cube, with restarts of doubled population (IPOP: Auger, Hansen 2005).
//
// The optimizer knows no bounds. A point outside the cube is evaluated where
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

	opt     *cmaes.Optimizer  // nil until the first point is asked for
	restart int               // how many restarts there were
	popsize int               // of the first run
	gen     []*cmaes.Solution // evaluated but not told, in units of the grid
	seen    int               // how many finished trials were looked at
	asked   int               // id of the trial that has the last point, or -1
	point   []float64         // that point, not clipped, in units of the grid
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
			e.gen = append(e.gen, &cmaes.Solution{Params: e.point, Value: t.Value})
			e.asked = -1
		}
	}
	e.seen = len(trials)
	if e.point, err = e.ask(); err != nil {
		return nil, err
	}
	e.asked = trial.ID
	return e.space.params(scaled(1.0/grid, e.point)), nil
}

// ask closes a full generation and returns a new point, in units of the grid.
func (e *evolution) ask() ([]float64, error) {
	if e.opt == nil {
		if err := e.begin(e.mean, e.sigma); err != nil {
			return nil, err
		}
	}
	if len(e.gen) == e.opt.PopulationSize() {
		// Tell fails where the covariance has no eigenvalues, which is just
		// one more way of being at the end.
		penalize(e.gen)
		over := extent(e.gen) < converged*grid
		err := e.opt.Tell(e.gen)
		e.gen = nil
		if err != nil || over || e.opt.ShouldStop() {
			if err := e.again(); err != nil {
				return nil, err
			}
		}
	}
	v, err := e.opt.Ask()
	if err != nil || !finite(v) {
		// A negative eigenvalue, by rounding. What the generation had is lost.
		if err := e.again(); err != nil {
			return nil, err
		}
		if v, err = e.opt.Ask(); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// begin starts the optimizer of restart number e.restart.
func (e *evolution) begin(mean []float64, sigma float64) error {
	options := []cmaes.OptimizerOption{cmaes.OptimizerOptionSeed(int64(mix(e.seed, e.restart)))}
	if e.restart > 0 {
		growth := 1 << min(e.restart, 30)
		options = append(options, cmaes.OptimizerOptionPopulationSize(e.popsize*min(growth, maxGrowth)))
	}
	opt, err := cmaes.NewOptimizer(scaled(grid, mean), grid*sigma, options...)
	if err != nil {
		return fmt.Errorf("restart %d of cmaes: %w", e.restart, err)
	}
	e.opt, e.gen = opt, nil
	if e.restart == 0 {
		e.popsize = opt.PopulationSize()
	}
	return nil
}

// again restarts from a random point, with the step of a search that does not
// know where to begin.
func (e *evolution) again() error {
	e.restart++
	rng := rand.New(rand.NewPCG(mix(e.seed, e.restart), 0))
	mean := make([]float64, len(e.space.free))
	for k := range mean {
		mean[k] = rng.Float64()
	}
	return e.begin(mean, coldSigma)
}

// penalize adds to each value what the point owes for lying outside the cube.
// The scale is 1, as for a value that is a share of something, or the spread
// of the generation where that is more.
func penalize(gen []*cmaes.Solution) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, s := range gen {
		if s.Value < Penalty {
			lo, hi = min(lo, s.Value), max(hi, s.Value)
		}
	}
	scale := min(max(hi-lo, 1), 1e100) // no point with a value: hi-lo is -Inf
	for _, s := range gen {
		s.Value += float64(0.1 * scale * overshoot(scaled(1.0/grid, s.Params)))
	}
}

// extent returns the greatest range of a coordinate over the generation.
func extent(gen []*cmaes.Solution) float64 {
	widest := 0.0
	for k := range gen[0].Params {
		lo, hi := gen[0].Params[k], gen[0].Params[k]
		for _, s := range gen {
			lo, hi = min(lo, s.Params[k]), max(hi, s.Params[k])
		}
		widest = max(widest, hi-lo)
	}
	return widest
}

// scaled returns a*u.
func scaled(a float64, u []float64) []float64 {
	v := make([]float64, len(u))
	for k := range u {
		v[k] = a * u[k]
	}
	return v
}

func finite(u []float64) bool {
	for _, v := range u {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
