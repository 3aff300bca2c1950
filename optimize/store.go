package optimize

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/c-bata/goptuna"
)

var _ goptuna.Storage = (*store)(nil)

// studyID is the id of the one study a store holds.
const studyID = 1

// A store is a goptuna storage that holds one study in memory.
//
// Finished trials are in a slice that only grows and whose elements never
// change, so GetAllTrials hands out the slice itself, and whoever reads it
// (samplers do, for every trial) pays for the trials it has not seen yet.
// The maps in what the getters return are the store's own: read only. Those of
// a trial that still runs belong to whoever runs it. Otherwise a store may be
// used by several goroutines.
type store struct {
	mu        sync.RWMutex
	name      string
	created   bool
	direction goptuna.StudyDirection
	user, sys map[string]string // the study's attributes

	done    []goptuna.FrozenTrial // finished, in the order in which they did
	best    int                   // index in done, or -1
	open    map[int]*openTrial    // running and waiting, by id
	place   []int                 // by id: index in done, or -1 while open
	waiting int                   // how many of open wait
}

// An openTrial is not finished yet.
type openTrial struct {
	goptuna.FrozenTrial
	valued bool // SetTrialValue was called
}

func newStore() *store {
	return &store{
		direction: goptuna.StudyDirectionMinimize,
		user:      map[string]string{},
		sys:       map[string]string{},
		best:      -1,
		open:      map[int]*openTrial{},
	}
}

// CreateNewTrial makes a running trial. It fails only for a wrong study, since
// Study.Optimize would retry for ever.
func (s *store) CreateNewTrial(study int) (int, error) {
	return s.add(study, goptuna.FrozenTrial{State: goptuna.TrialStateRunning, DatetimeStart: time.Now()})
}

// CloneTrial makes a trial like base in all but its id, number and study.
func (s *store) CloneTrial(study int, base goptuna.FrozenTrial) (int, error) {
	if base.State == goptuna.TrialStateComplete && math.IsNaN(base.Value) {
		return -1, errNaN
	}
	for name, v := range base.InternalParams {
		if math.IsNaN(v) {
			return -1, fmt.Errorf("parameter %s: %w", name, errNaN)
		}
	}
	base.IntermediateValues = maps.Clone(base.IntermediateValues)
	base.InternalParams = maps.Clone(base.InternalParams)
	base.Params = maps.Clone(base.Params)
	base.Distributions = maps.Clone(base.Distributions)
	base.UserAttrs = maps.Clone(base.UserAttrs)
	base.SystemAttrs = maps.Clone(base.SystemAttrs)
	return s.add(study, base)
}

func (s *store) add(study int, t goptuna.FrozenTrial) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(study); err != nil {
		return -1, err
	}
	t.ID = len(s.place)
	t.Number = t.ID
	t.StudyID = study
	s.place = append(s.place, -1)
	if t.State.IsFinished() {
		s.finish(t)
		return t.ID, nil
	}
	if t.State == goptuna.TrialStateWaiting {
		s.waiting++
	}
	s.open[t.ID] = &openTrial{FrozenTrial: t}
	return t.ID, nil
}

// finish moves t to the trials that do not change any more.
func (s *store) finish(t goptuna.FrozenTrial) {
	delete(s.open, t.ID)
	s.place[t.ID] = len(s.done)
	s.done = append(s.done, t)
	if t.State == goptuna.TrialStateComplete && (s.best < 0 || s.better(t.Value, s.done[s.best].Value)) {
		s.best = len(s.done) - 1
	}
}

func (s *store) better(a, b float64) bool {
	if s.direction == goptuna.StudyDirectionMaximize {
		return a > b
	}
	return a < b
}

// edit calls f with the open trial id.
func (s *store) edit(id int, f func(*openTrial) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 0 || id >= len(s.place) {
		return goptuna.ErrInvalidTrialID
	}
	t, ok := s.open[id]
	if !ok {
		return goptuna.ErrTrialCannotBeUpdated
	}
	return f(t)
}

var errNaN = errors.New("not a number")

// SetTrialValue refuses NaN, which would stay the best trial for ever.
func (s *store) SetTrialValue(id int, value float64) error {
	return s.edit(id, func(t *openTrial) error {
		if math.IsNaN(value) {
			return errNaN
		}
		t.Value = value
		t.valued = true
		return nil
	})
}

// SetTrialState moves a waiting trial to running (one caller succeeds) and a
// running one anywhere else; anything else is ErrTrialCannotBeUpdated.
func (s *store) SetTrialState(id int, state goptuna.TrialState) error {
	return s.edit(id, func(t *openTrial) error {
		if t.State == state || t.State == goptuna.TrialStateWaiting && state != goptuna.TrialStateRunning {
			return goptuna.ErrTrialCannotBeUpdated
		}
		if state == goptuna.TrialStateComplete && !t.valued {
			return fmt.Errorf("trial %d has no value to complete with", id)
		}
		if t.State == goptuna.TrialStateWaiting {
			s.waiting--
		}
		t.State = state
		switch {
		case state == goptuna.TrialStateWaiting:
			s.waiting++
		case state.IsFinished():
			t.DatetimeComplete = time.Now()
			s.finish(t.FrozenTrial)
		}
		return nil
	})
}

func (s *store) SetTrialParam(id int, name string, value float64, distribution interface{}) error {
	return s.edit(id, func(t *openTrial) error {
		if math.IsNaN(value) {
			return fmt.Errorf("parameter %s: %w", name, errNaN)
		}
		external, err := goptuna.ToExternalRepresentation(distribution, value)
		if err != nil {
			return err
		}
		put(&t.InternalParams, name, value)
		put(&t.Params, name, external)
		put(&t.Distributions, name, distribution)
		return nil
	})
}

func (s *store) SetTrialIntermediateValue(id, step int, value float64) error {
	return s.edit(id, func(t *openTrial) error {
		if _, ok := t.IntermediateValues[step]; ok {
			return fmt.Errorf("trial %d has a value at step %d", id, step)
		}
		if math.IsNaN(value) {
			return errNaN
		}
		put(&t.IntermediateValues, step, value)
		return nil
	})
}

func (s *store) SetTrialUserAttr(id int, key, value string) error {
	return s.edit(id, func(t *openTrial) error { put(&t.UserAttrs, key, value); return nil })
}

func (s *store) SetTrialSystemAttr(id int, key, value string) error {
	return s.edit(id, func(t *openTrial) error { put(&t.SystemAttrs, key, value); return nil })
}

// put sets (*m)[k], in a new map if there is none.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

// GetAllTrials returns the finished trials, without a copy. Waiting ones, which
// are rare, are put behind them in a slice made for the occasion; running ones,
// which no sampler looks at, are left out.
func (s *store) GetAllTrials(study int) ([]goptuna.FrozenTrial, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.check(study); err != nil {
		return nil, err
	}
	trials := slices.Clip(s.done)
	if s.waiting == 0 {
		return trials, nil
	}
	for _, id := range slices.Sorted(maps.Keys(s.open)) {
		if t := s.open[id]; t.State == goptuna.TrialStateWaiting {
			trials = append(trials, t.FrozenTrial)
		}
	}
	return trials, nil
}

// GetTrial returns the trial as it is now.
func (s *store) GetTrial(id int) (goptuna.FrozenTrial, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if id < 0 || id >= len(s.place) {
		return goptuna.FrozenTrial{}, goptuna.ErrInvalidTrialID
	}
	if i := s.place[id]; i >= 0 {
		return s.done[i], nil
	}
	return s.open[id].FrozenTrial, nil
}
