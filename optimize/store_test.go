package optimize

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c-bata/goptuna"
)

var uniform = goptuna.UniformDistribution{Low: 0, High: 1}

// storeWith returns a store with n completed trials whose values are their ids.
func storeWith(t testing.TB, n int) *store {
	s := newStore()
	if _, err := s.CreateNewStudy("s"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		id, err := s.CreateNewTrial(studyID)
		if err != nil || id != i {
			t.Fatalf("trial %d, %v", id, err)
		}
		complete(t, s, id, float64(i))
	}
	return s
}

func complete(t testing.TB, s *store, id int, v float64) {
	t.Helper()
	if err := errors.Join(
		s.SetTrialParam(id, "x0", 0.5, uniform),
		s.SetTrialValue(id, v),
		s.SetTrialState(id, goptuna.TrialStateComplete),
	); err != nil {
		t.Fatal(err)
	}
}

// TestStoreShares: what GetAllTrials returned once, it returns again with the
// new trials behind it, in the same memory and unchanged, and costs nothing.
func TestStoreShares(t *testing.T) {
	s := storeWith(t, 1000)
	before, err := s.GetAllTrials(studyID)
	if err != nil || len(before) != 1000 {
		t.Fatal(len(before), err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = s.GetAllTrials(studyID) }); n != 0 {
		t.Errorf("GetAllTrials allocates %g times", n)
	}
	again, _ := s.GetAllTrials(studyID)
	if &before[0] != &again[0] {
		t.Error("GetAllTrials copies")
	}
	// Nobody who appends to the slice reaches into the store.
	_ = append(before, goptuna.FrozenTrial{ID: -7})
	id, _ := s.CreateNewTrial(studyID)
	if all, _ := s.GetAllTrials(studyID); len(all) != 1000 {
		t.Errorf("%d trials while one runs; want 1000", len(all))
	}
	complete(t, s, id, 4)
	after, _ := s.GetAllTrials(studyID)
	if len(before) != 1000 || len(after) != 1001 || after[1000].ID != id || after[1000].Value != 4 {
		t.Errorf("%d, %d trials, last %+v", len(before), len(after), after[len(after)-1])
	}
	for i, x := range after[:1000] {
		if x.ID != i || x.Value != float64(i) || before[i].Value != x.Value {
			t.Fatalf("trial %d changed: %+v", i, x)
		}
	}
}

func TestStoreStates(t *testing.T) {
	const (
		running  = goptuna.TrialStateRunning
		done     = goptuna.TrialStateComplete
		pruned   = goptuna.TrialStatePruned
		failed   = goptuna.TrialStateFail
		waiting  = goptuna.TrialStateWaiting
		unstored = goptuna.TrialState(-1)
	)
	for _, tt := range []struct {
		from, to goptuna.TrialState
		ok       bool
	}{
		{running, done, true},
		{running, pruned, true},
		{running, failed, true},
		{running, waiting, true},
		{running, running, false},
		{waiting, running, true},
		{waiting, waiting, false},
		{waiting, done, false},
		{waiting, failed, false},
		{done, running, false},
		{done, failed, false},
		{failed, done, false},
		{pruned, waiting, false},
	} {
		s := storeWith(t, 0)
		id, err := s.CloneTrial(studyID, goptuna.FrozenTrial{State: tt.from, DatetimeStart: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if !tt.from.IsFinished() {
			if err := s.SetTrialValue(id, 1); err != nil {
				t.Fatal(err)
			}
		}
		err = s.SetTrialState(id, tt.to)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, goptuna.ErrTrialCannotBeUpdated) {
			t.Errorf("%s to %s: error %v", tt.from, tt.to, err)
		}
		want := tt.to
		if !tt.ok {
			want = tt.from
		}
		if x, _ := s.GetTrial(id); x.State != want || x.State == unstored {
			t.Errorf("%s to %s: it is %s", tt.from, tt.to, x.State)
		}
		all, _ := s.GetAllTrials(studyID)
		if shown := want != running; shown != (len(all) == 1) {
			t.Errorf("%s: %d trials are shown", want, len(all))
		}
	}
}

// TestStoreQueue: a waiting trial goes to one of those who want it.
func TestStoreQueue(t *testing.T) {
	s := storeWith(t, 3)
	id, err := s.CloneTrial(studyID, goptuna.FrozenTrial{State: goptuna.TrialStateWaiting})
	if err != nil {
		t.Fatal(err)
	}
	if all, _ := s.GetAllTrials(studyID); len(all) != 4 || all[3].ID != id {
		t.Errorf("the queue is not seen: %d trials", len(all))
	}
	var winners atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch err := s.SetTrialState(id, goptuna.TrialStateRunning); {
			case err == nil:
				winners.Add(1)
			case !errors.Is(err, goptuna.ErrTrialCannotBeUpdated):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := winners.Load(); n != 1 {
		t.Errorf("%d have the trial", n)
	}
}

// TestStoreGoroutines is for the race detector.
func TestStoreGoroutines(t *testing.T) {
	s := storeWith(t, 0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				id, err := s.CreateNewTrial(studyID)
				if err != nil {
					t.Error(err)
					return
				}
				complete(t, s, id, float64(id))
				all, _ := s.GetAllTrials(studyID)
				if all[0].State != goptuna.TrialStateComplete {
					t.Error("a trial that is not complete")
				}
			}
		})
	}
	wg.Wait()
	if best, err := s.GetBestTrial(studyID); err != nil || best.Value != 0 {
		t.Errorf("best is %v, %v", best.Value, err)
	}
}

func TestStoreNaN(t *testing.T) {
	nan := math.NaN()
	s := storeWith(t, 0)
	id, _ := s.CreateNewTrial(studyID)
	for what, err := range map[string]error{
		"value":        s.SetTrialValue(id, nan),
		"parameter":    s.SetTrialParam(id, "x0", nan, uniform),
		"intermediate": s.SetTrialIntermediateValue(id, 1, nan),
	} {
		if err == nil {
			t.Errorf("a %s is NaN", what)
		}
	}
	if err := s.SetTrialState(id, goptuna.TrialStateComplete); err == nil {
		t.Error("a trial without a value is complete")
	}
	for _, f := range []goptuna.FrozenTrial{
		{State: goptuna.TrialStateComplete, Value: nan},
		{State: goptuna.TrialStateWaiting, InternalParams: map[string]float64{"x0": nan}},
	} {
		if _, err := s.CloneTrial(studyID, f); err == nil {
			t.Errorf("%+v is stored", f)
		}
	}
	if _, err := s.GetBestTrial(studyID); !errors.Is(err, goptuna.ErrNoCompletedTrials) {
		t.Errorf("best of none: %v", err)
	}
}

func TestStoreBest(t *testing.T) {
	s := storeWith(t, 0)
	for _, v := range []float64{3, 1, 2, 1} {
		id, _ := s.CreateNewTrial(studyID)
		complete(t, s, id, v)
	}
	id, _ := s.CreateNewTrial(studyID)
	if err := errors.Join(s.SetTrialValue(id, -9), s.SetTrialState(id, goptuna.TrialStateFail)); err != nil {
		t.Fatal(err)
	}
	if best, err := s.GetBestTrial(studyID); err != nil || best.ID != 1 {
		t.Errorf("best is trial %d, %v; want the first of the lowest", best.ID, err)
	}
	if err := s.SetStudyDirection(studyID, goptuna.StudyDirectionMaximize); err != nil {
		t.Fatal(err)
	}
	if best, err := s.GetBestTrial(studyID); err != nil || best.ID != 0 {
		t.Errorf("best by maximum is trial %d, %v", best.ID, err)
	}
}
