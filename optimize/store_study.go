package optimize

import (
	"errors"
	"fmt"
	"maps"

	"github.com/c-bata/goptuna"
)

// The rest of goptuna.Storage: the study itself, and views of a trial.

var errNoStudy = errors.New("study not found")

// check returns ErrInvalidStudyID unless study exists.
func (s *store) check(study int) error {
	if !s.created || study != studyID {
		return goptuna.ErrInvalidStudyID
	}
	return nil
}

// view calls f if study exists, with the store locked for reading.
func (s *store) view(study int, f func()) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.check(study); err != nil {
		return err
	}
	f()
	return nil
}

// change calls f if study exists, with the store locked.
func (s *store) change(study int, f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(study); err != nil {
		return err
	}
	f()
	return nil
}

// CreateNewStudy makes the study. There is one in a store; a second is refused.
func (s *store) CreateNewStudy(name string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.created {
		return -1, fmt.Errorf("storage already holds study %q", s.name)
	}
	s.name, s.created = name, true
	return studyID, nil
}

// DeleteStudy empties the store.
func (s *store) DeleteStudy(study int) error {
	return s.change(study, func() {
		e := newStore()
		s.name, s.created, s.direction, s.user, s.sys = "", false, e.direction, e.user, e.sys
		s.done, s.best, s.open, s.place, s.waiting = nil, e.best, e.open, nil, 0
	})
}

// SetStudyDirection also finds the best trial again.
func (s *store) SetStudyDirection(study int, d goptuna.StudyDirection) error {
	return s.change(study, func() {
		s.direction, s.best = d, -1
		for i, t := range s.done {
			if t.State == goptuna.TrialStateComplete && (s.best < 0 || s.better(t.Value, s.done[s.best].Value)) {
				s.best = i
			}
		}
	})
}

func (s *store) SetStudyUserAttr(study int, key, value string) error {
	return s.change(study, func() { s.user[key] = value })
}

func (s *store) SetStudySystemAttr(study int, key, value string) error {
	return s.change(study, func() { s.sys[key] = value })
}

func (s *store) GetStudyIDFromName(name string) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.created || s.name != name {
		return -1, errNoStudy
	}
	return studyID, nil
}

func (s *store) GetStudyIDFromTrialID(id int) (int, error) {
	_, err := s.GetTrial(id)
	if err != nil {
		return -1, errNoStudy
	}
	return studyID, nil
}

func (s *store) GetStudyNameFromID(study int) (name string, err error) {
	err = s.view(study, func() { name = s.name })
	return name, err
}

func (s *store) GetStudyDirection(study int) (d goptuna.StudyDirection, err error) {
	err = s.view(study, func() { d = s.direction })
	return d, err
}

func (s *store) GetStudyUserAttrs(study int) (attrs map[string]string, err error) {
	err = s.view(study, func() { attrs = maps.Clone(s.user) })
	return attrs, err
}

func (s *store) GetStudySystemAttrs(study int) (attrs map[string]string, err error) {
	err = s.view(study, func() { attrs = maps.Clone(s.sys) })
	return attrs, err
}

// GetAllStudySummaries returns one summary, or none before the study exists.
func (s *store) GetAllStudySummaries() ([]goptuna.StudySummary, error) {
	var sum goptuna.StudySummary
	err := s.view(studyID, func() {
		sum = goptuna.StudySummary{
			ID: studyID, Name: s.name, Direction: s.direction,
			UserAttrs: maps.Clone(s.user), SystemAttrs: maps.Clone(s.sys),
		}
		if s.best >= 0 {
			sum.BestTrial = s.done[s.best]
		}
		if t, ok := s.first(); ok {
			sum.DatetimeStart = t.DatetimeStart
		}
	})
	if err != nil {
		return nil, nil
	}
	return []goptuna.StudySummary{sum}, nil
}

// first returns the trial with the lowest id.
func (s *store) first() (goptuna.FrozenTrial, bool) {
	if len(s.place) == 0 {
		return goptuna.FrozenTrial{}, false
	}
	if i := s.place[0]; i >= 0 {
		return s.done[i], true
	}
	return s.open[0].FrozenTrial, true
}

// GetBestTrial returns ErrNoCompletedTrials while there is none.
func (s *store) GetBestTrial(study int) (t goptuna.FrozenTrial, err error) {
	found := false
	err = s.view(study, func() {
		if found = s.best >= 0; found {
			t = s.done[s.best]
		}
	})
	if err == nil && !found {
		err = goptuna.ErrNoCompletedTrials
	}
	return t, err
}

func (s *store) GetTrialNumberFromID(id int) (int, error) {
	t, err := s.GetTrial(id)
	if err != nil {
		return -1, err
	}
	return t.Number, nil
}

func (s *store) GetTrialParam(id int, name string) (float64, error) {
	t, err := s.GetTrial(id)
	if err != nil {
		return 0, err
	}
	v, ok := t.InternalParams[name]
	if !ok {
		return 0, fmt.Errorf("trial %d has no parameter %q", id, name)
	}
	return v, nil
}

func (s *store) GetTrialParams(id int) (map[string]interface{}, error) {
	t, err := s.GetTrial(id)
	return t.Params, err
}

func (s *store) GetTrialUserAttrs(id int) (map[string]string, error) {
	t, err := s.GetTrial(id)
	return t.UserAttrs, err
}

func (s *store) GetTrialSystemAttrs(id int) (map[string]string, error) {
	t, err := s.GetTrial(id)
	return t.SystemAttrs, err
}
