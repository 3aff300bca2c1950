package optimize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The names a [Trial] is signed with: two for the points that come from no
// sampler, and one for each sampler.
const (
	byStart  = "start"
	byPolish = "polish"

	samplerCMAES  = "cmaes"
	samplerTPE    = "tpe"
	samplerRandom = "random"
)

// Penalty is the value a trial is given when the function returns NaN, an
// infinity, or anything above it: finite, so that every sampler, storage and
// journal can hold it, and worse than any real value.
const Penalty = 1e300

// ErrReplay says that Settings.Done holds trials which the settings do not
// lead to: they come from another search, or were changed.
var ErrReplay = errors.New("finished trials do not match the search")

// A Box bounds each dimension of a search. Bounds are finite and belong to the
// box; where Lower equals Upper the dimension is fixed.
type Box struct {
	Lower, Upper []float64
}

// A Trial is one point of the box and the value the function has there.
type Trial struct {
	Number int       // its place in the search, from 0
	By     string    // who proposed it: "start", "polish" or a sampler's name
	X      []float64 // the point; read only
	Value  float64   // the value there, or [Penalty]
}

// Settings say how to search. A search proposes, in this order, the start,
// the sampler's trials, and the result of the polish if that is an improvement.
type Settings struct {
	// Name is the study's name; errors are reported under it.
	Name string
	Box  Box
	// Sampler is one of [Samplers].
	Sampler string
	// Start is evaluated first, and is where CMA-ES begins. It is moved into
	// the box where it lies outside. Nil means no such trial, and a CMA-ES
	// that begins in the middle.
	Start []float64
	// Sigma is the first standard deviation of CMA-ES as a share of each
	// dimension's width. 0 means 0.03 with a Start and 0.2 without.
	Sigma float64
	// Trials is how many points the sampler may try. If every dimension is
	// fixed there is one point only, and it is tried once.
	Trials int
	// Polish is how many evaluations a local search from the best trial may
	// use at the end.
	Polish int
	// Gradient returns what the function does and sets g to its derivatives by x.
	// The local search goes by it instead of by differences; a call is an
	// evaluation. It must keep neither x nor g. Nil is no gradient.
	Gradient func(g, x []float64) (float64, error)
	Seed     int64
	// Done holds the trials an earlier run of the same search finished, in
	// order. They are not evaluated again. Trials may be more than it was then,
	// as long as no "polish" is among them. A "polish" trial is taken on trust
	// but for its bounds and value, since only the function could confirm it;
	// a polish that found nothing better leaves no trial, and is done again.
	Done []Trial
	// Note is called once for each new trial, in order, before the next is
	// begun. Its error stops the search. Nil notes nothing.
	Note func(Trial) error
}

// Samplers returns the names of the samplers, the recommended one first.
func Samplers() []string {
	return []string{samplerCMAES, samplerTPE, samplerRandom}
}

// Minimize searches s.Box for the point where f is least, and returns the best
// trial: the one of lowest value, and of those the earliest. f must not keep x.
//
// The search stops early when ctx is done (looked at before each evaluation),
// or when f or s.Note returns an error. Minimize then returns that error with
// the best trial so far, whose X is nil if there is none.
func Minimize(ctx context.Context, f func(x []float64) (float64, error), s Settings) (Trial, error) {
	if f == nil {
		return Trial{}, fmt.Errorf("study %q: no function to minimise", s.Name)
	}
	if err := s.check(); err != nil {
		return Trial{}, fmt.Errorf("study %q: %w", s.Name, err)
	}
	r, err := newRun(ctx, newStore(), f, s)
	if err != nil {
		return Trial{}, fmt.Errorf("study %q: %w", s.Name, err)
	}
	err = r.run()
	return r.best, err
}

// check returns an error for settings that describe no search.
func (s *Settings) check() error {
	if err := s.Box.check(); err != nil {
		return err
	}
	switch {
	case !slices.Contains(Samplers(), s.Sampler):
		return fmt.Errorf("no sampler %q, only %s", s.Sampler, strings.Join(Samplers(), ", "))
	case s.Trials < 0:
		return fmt.Errorf("%d trials", s.Trials)
	case s.Polish < 0:
		return fmt.Errorf("%d evaluations to polish", s.Polish)
	case !(s.Sigma >= 0 && s.Sigma <= 10): // also NaN
		return fmt.Errorf("sigma %g is not between 0 and 10", s.Sigma)
	case s.Start == nil && s.Trials == 0:
		return errors.New("neither a start nor a trial")
	case s.Start != nil && len(s.Start) != len(s.Box.Lower):
		return fmt.Errorf("start has %d dimensions, the box %d", len(s.Start), len(s.Box.Lower))
	}
	for i, x := range s.Start {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("start is %g in dimension %d", x, i)
		}
	}
	return nil
}

// sanitize returns the value a trial is stored with.
func sanitize(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v > Penalty {
		return Penalty
	}
	return v
}
