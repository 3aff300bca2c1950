package optimize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/c-bata/goptuna"
)

// A run is one call of [Minimize]: a goptuna study, taken step by step.
type run struct {
	ctx     context.Context
	f       func(x []float64) (float64, error)
	s       Settings
	space   *space
	storage goptuna.Storage
	study   *goptuna.Study

	next    int       // number of the next trial
	best    Trial     // X is nil until there is one
	scratch []float64 // the copy of x that f is given
}

func newRun(ctx context.Context, storage goptuna.Storage, f func([]float64) (float64, error), s Settings) (*run, error) {
	r := &run{ctx: ctx, f: f, s: s, space: newSpace(s.Box), storage: storage}
	r.scratch = make([]float64, len(s.Box.Lower))
	options := []goptuna.StudyOption{
		goptuna.StudyOptionStorage(storage),
		goptuna.StudyOptionDirection(goptuna.StudyDirectionMinimize),
		goptuna.StudyOptionLogger(nil),
		goptuna.StudyOptionDefineSearchSpace(r.space.dists),
	}
	switch s.Sampler {
	case samplerCMAES:
		options = append(options, goptuna.StudyOptionRelativeSampler(newCMAES(r.space, s)))
	case samplerTPE:
		options = append(options, goptuna.StudyOptionRelativeSampler(newTPE(r.space, s.Seed)))
	case samplerRandom:
		options = append(options, goptuna.StudyOptionRelativeSampler(anywhere{r.space, s.Seed}))
	}
	var err error
	if r.study, err = goptuna.CreateStudy(s.Name, options...); err != nil {
		return nil, err
	}
	r.study.WithContext(ctx)
	return r, nil
}

func (r *run) run() error {
	trials := r.s.Trials
	if r.s.Start != nil {
		if err := r.start(); err != nil {
			return err
		}
	}
	if len(r.space.free) == 0 { // one point is all there is
		trials = min(trials, 1-r.next)
	}
	for range trials {
		if err := r.sample(); err != nil {
			return err
		}
	}
	if err := r.polish(); err != nil {
		return err
	}
	if extra := len(r.s.Done) - r.next; extra > 0 {
		return r.mismatch("%d trials too many", extra)
	}
	return nil
}

// start runs the trial at Settings.Start. goptuna's way to a trial at a given
// point is to put it in the queue and to take it out again.
func (r *run) start() error {
	x := r.s.Box.clip(r.s.Start)
	params := make(map[string]float64, len(r.space.free))
	for k, i := range r.space.free {
		params[r.space.names[k]] = x[i]
	}
	if err := r.study.EnqueueTrial(params); err != nil {
		return r.fail(err)
	}
	trials, err := r.study.GetTrials()
	if err != nil {
		return r.fail(err)
	}
	i := slices.IndexFunc(trials, func(t goptuna.FrozenTrial) bool { return t.State == goptuna.TrialStateWaiting })
	if i < 0 {
		return r.fail(errors.New("the start is not in the queue"))
	}
	trial := goptuna.Trial{Study: r.study, ID: trials[i].ID}
	if err := r.storage.SetTrialState(trial.ID, goptuna.TrialStateRunning); err != nil {
		return r.fail(err)
	}
	return r.finish(trial, byStart)
}

// sample runs one trial of the sampler: what Study.Optimize does, without its
// search for waiting trials and its endless retry.
func (r *run) sample() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	id, err := r.storage.CreateNewTrial(r.study.ID)
	if err != nil {
		return r.fail(err)
	}
	trial := goptuna.Trial{Study: r.study, ID: id}
	if err := trial.CallRelativeSampler(); err != nil {
		return r.fail(err)
	}
	return r.finish(trial, r.s.Sampler)
}

// finish gives trial its point, its value, from Done if it is there, and its
// place in the storage.
func (r *run) finish(trial goptuna.Trial, by string) error {
	t := Trial{Number: r.next, By: by, X: slices.Clone(r.s.Box.Lower)}
	for k, i := range r.space.free {
		x, err := trial.SuggestFloat(r.space.names[k], r.s.Box.Lower[i], r.s.Box.Upper[i])
		if err != nil {
			return r.fail(err)
		}
		t.X[i] = x
	}
	replayed := r.next < len(r.s.Done)
	var err error
	if replayed {
		t.Value, err = r.replay(t)
	} else {
		t.Value, err = r.evaluate(t.X)
	}
	if err != nil {
		// The study is over, but its storage should not say "running".
		if serr := r.storage.SetTrialState(trial.ID, goptuna.TrialStateFail); serr != nil {
			return errors.Join(err, serr)
		}
		return err
	}
	if err := r.storage.SetTrialValue(trial.ID, t.Value); err != nil {
		return r.fail(err)
	}
	if err := r.storage.SetTrialState(trial.ID, goptuna.TrialStateComplete); err != nil {
		return r.fail(err)
	}
	return r.keep(t, !replayed)
}

// evaluate returns the value of f at x.
func (r *run) evaluate(x []float64) (float64, error) { return r.ask(r.f, x) }

// slope returns the value at x, and sets g to the function's derivatives.
func (r *run) slope(g, x []float64) (float64, error) {
	return r.ask(func(x []float64) (float64, error) { return r.s.Gradient(g, x) }, x)
}

// ask returns the value that f has at x, to be stored.
func (r *run) ask(f func(x []float64) (float64, error), x []float64) (float64, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	v, err := f(r.scratch[:copy(r.scratch, x)])
	if err != nil {
		return 0, r.fail(err)
	}
	return sanitize(v), nil
}

// replay returns the value that the next trial of Done has at t's point.
func (r *run) replay(t Trial) (float64, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	d := r.s.Done[r.next]
	if d.Number != t.Number || d.By != t.By {
		return 0, r.mismatch("it is number %d by %q, not %d by %q", d.Number, d.By, t.Number, t.By)
	}
	if !slices.EqualFunc(d.X, t.X, sameBits) {
		return 0, r.mismatch("it is at %v, not %v", d.X, t.X)
	}
	if d.Value != sanitize(d.Value) {
		return 0, r.mismatch("its value is %g", d.Value)
	}
	return d.Value, nil
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// polish ends a run with the local search. Its result enters the study as a
// finished trial, and only if it is the best.
func (r *run) polish() error {
	if r.s.Polish == 0 || len(r.space.free) == 0 || r.best.X == nil {
		return nil
	}
	t := Trial{Number: r.next, By: byPolish}
	replayed := r.next < len(r.s.Done)
	if replayed {
		d := r.s.Done[r.next]
		if !r.s.Box.contains(d.X) || !(d.Value < r.best.Value) || math.IsInf(d.Value, 0) {
			return r.mismatch("no polish leads to %v, %g", d.X, d.Value)
		}
		t.X = slices.Clone(d.X)
		if _, err := r.replay(t); err != nil {
			return err
		}
		t.Value = d.Value
	} else {
		var err error
		if t.X, t.Value, err = r.descend(); err != nil {
			return err
		}
		if !(t.Value < r.best.Value) {
			return nil
		}
	}
	frozen := goptuna.FrozenTrial{
		State: goptuna.TrialStateComplete, Value: t.Value,
		DatetimeStart: time.Now(), DatetimeComplete: time.Now(),
		InternalParams: map[string]float64{}, Params: map[string]interface{}{}, Distributions: r.space.dists,
	}
	for k, i := range r.space.free {
		frozen.InternalParams[r.space.names[k]] = t.X[i]
		frozen.Params[r.space.names[k]] = t.X[i]
	}
	if _, err := r.storage.CloneTrial(r.study.ID, frozen); err != nil {
		return r.fail(err)
	}
	return r.keep(t, !replayed)
}

// keep counts t, and notes it if it is new.
func (r *run) keep(t Trial, isNew bool) error {
	r.next++
	if r.best.X == nil || t.Value < r.best.Value {
		r.best = t
	}
	if isNew && r.s.Note != nil {
		return r.s.Note(t)
	}
	return nil
}

// fail names the study and the trial that err stopped.
func (r *run) fail(err error) error {
	return fmt.Errorf("study %q, trial %d: %w", r.s.Name, r.next, err)
}

func (r *run) mismatch(format string, args ...any) error {
	return r.fail(fmt.Errorf("%w: "+format, append([]any{ErrReplay}, args...)...))
}
