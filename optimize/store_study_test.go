package optimize

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/c-bata/goptuna"
)

func TestStoreStudy(t *testing.T) {
	s := newStore()
	if _, err := s.CreateNewTrial(studyID); !errors.Is(err, goptuna.ErrInvalidStudyID) {
		t.Errorf("a trial of no study: %v", err)
	}
	if all, err := s.GetAllStudySummaries(); len(all) != 0 || err != nil {
		t.Errorf("summaries of nothing: %v, %v", all, err)
	}
	id, err := s.CreateNewStudy("a")
	if err != nil || id != studyID {
		t.Fatal(id, err)
	}
	if _, err := s.CreateNewStudy("b"); err == nil {
		t.Error("a second study")
	}
	trial, _ := s.CreateNewTrial(id)
	if err := errors.Join(
		s.SetStudyUserAttr(id, "k", "u"), s.SetStudySystemAttr(id, "k", "s"),
		s.SetTrialUserAttr(trial, "k", "tu"), s.SetTrialSystemAttr(trial, "k", "ts"),
		s.SetTrialIntermediateValue(trial, 1, 7),
	); err != nil {
		t.Fatal(err)
	}
	if err := s.SetTrialIntermediateValue(trial, 1, 8); err == nil {
		t.Error("two values at a step")
	}
	complete(t, s, trial, 2)
	if err := s.SetTrialUserAttr(trial, "k", "late"); !errors.Is(err, goptuna.ErrTrialCannotBeUpdated) {
		t.Errorf("a finished trial changes: %v", err)
	}
	check := func(what string, got any, err error, want any) {
		t.Helper()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	var got any
	got, err = s.GetStudyIDFromName("a")
	check("id", got, err, id)
	got, err = s.GetStudyIDFromTrialID(trial)
	check("study of trial", got, err, id)
	got, err = s.GetStudyNameFromID(id)
	check("name", got, err, "a")
	got, err = s.GetStudyDirection(id)
	check("direction", got, err, "minimize")
	got, err = s.GetStudyUserAttrs(id)
	check("user", got, err, "map[k:u]")
	got, err = s.GetStudySystemAttrs(id)
	check("system", got, err, "map[k:s]")
	got, err = s.GetTrialUserAttrs(trial)
	check("trial user", got, err, "map[k:tu]")
	got, err = s.GetTrialSystemAttrs(trial)
	check("trial system", got, err, "map[k:ts]")
	got, err = s.GetTrialNumberFromID(trial)
	check("number", got, err, 0)
	got, err = s.GetTrialParam(trial, "x0")
	check("param", got, err, 0.5)
	got, err = s.GetTrialParams(trial)
	check("params", got, err, "map[x0:0.5]")
	sums, err := s.GetAllStudySummaries()
	if err != nil || len(sums) != 1 || sums[0].Name != "a" || sums[0].BestTrial.Value != 2 || sums[0].DatetimeStart.IsZero() {
		t.Errorf("summaries %+v, %v", sums, err)
	}
	for what, err := range map[string]error{
		"trial":     func() error { _, err := s.GetTrial(9); return err }(),
		"edit":      s.SetTrialValue(-1, 0),
		"param":     func() error { _, err := s.GetTrialParam(trial, "y"); return err }(),
		"study":     func() error { _, err := s.GetAllTrials(2); return err }(),
		"name":      func() error { _, err := s.GetStudyIDFromName("b"); return err }(),
		"of trial":  func() error { _, err := s.GetStudyIDFromTrialID(9); return err }(),
		"direction": s.SetStudyDirection(0, goptuna.StudyDirectionMaximize),
	} {
		if err == nil {
			t.Errorf("%s that is not there: no error", what)
		}
	}
	if err := s.DeleteStudy(id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetAllTrials(id); !errors.Is(err, goptuna.ErrInvalidStudyID) {
		t.Errorf("trials of a deleted study: %v", err)
	}
}

// TestStoreOptimize: goptuna's own loop runs on the store.
func TestStoreOptimize(t *testing.T) {
	study, err := goptuna.CreateStudy("s", goptuna.StudyOptionStorage(newStore()), goptuna.StudyOptionLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := study.EnqueueTrial(map[string]float64{"x0": 0.25}); err != nil {
		t.Fatal(err)
	}
	err = study.Optimize(func(trial goptuna.Trial) (float64, error) {
		x, err := trial.SuggestFloat("x0", 0, 1)
		return math.Abs(x - 0.25), err
	}, 20)
	if err != nil {
		t.Fatal(err)
	}
	if all, _ := study.GetTrials(); len(all) != 20 {
		t.Errorf("%d trials", len(all))
	}
	if v, err := study.GetBestValue(); v != 0 || err != nil {
		t.Errorf("best %g, %v; want the trial that was queued", v, err)
	}
}
