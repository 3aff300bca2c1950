package optimize

import (
	"testing"

	"github.com/c-bata/goptuna"
)

// TestStudy looks at the goptuna study a search leaves.
func TestStudy(t *testing.T) {
	for _, name := range Samplers() {
		s := Settings{Name: "OUT07", Box: cube(3, -1, 2), Sampler: name, Start: []float64{1, 1, 1}, Trials: 60, Polish: 60, Seed: 9}
		s.Box.Upper[1] = -1
		var noted []Trial
		s.Note = func(n Trial) error { noted = append(noted, n); return nil }
		storage := newStore()
		r, err := newRun(t.Context(), storage, sphere(0.3), s)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.run(); err != nil {
			t.Fatal(err)
		}
		if d, err := storage.GetStudyDirection(studyID); d != goptuna.StudyDirectionMinimize || err != nil {
			t.Errorf("direction %s, %v", d, err)
		}
		if n, err := storage.GetStudyNameFromID(studyID); n != "OUT07" || err != nil {
			t.Errorf("name %q, %v", n, err)
		}
		frozen, err := r.study.GetTrials()
		if err != nil || len(frozen) != len(noted) {
			t.Fatalf("%d trials in the study, %d noted; %v", len(frozen), len(noted), err)
		}
		for i, f := range frozen {
			n := noted[i]
			want := map[string]float64{"x0": n.X[0], "x2": n.X[2]} // x1 is fixed
			if f.State != goptuna.TrialStateComplete || f.Number != n.Number || f.Value != n.Value || len(f.Params) != 2 {
				t.Fatalf("%s: trial %d is %+v; noted %+v", name, i, f, n)
			}
			for k, v := range want {
				// The search space was defined, so each parameter has its own
				// distribution in every trial.
				d := goptuna.UniformDistribution{Low: -1, High: 2}
				if f.InternalParams[k] != v || f.Params[k] != v || f.Distributions[k] != d {
					t.Fatalf("%s: trial %d has %s = %v in %v; noted %v", name, i, k, f.Params[k], f.Distributions[k], n.X)
				}
			}
		}
		if best, err := r.study.GetBestValue(); best != r.best.Value || err != nil {
			t.Errorf("best value %g, %v; want %g", best, err, r.best.Value)
		}
	}
}

// brokenStore fails to create trials.
type brokenStore struct {
	*store
	left int
	err  error
}

func (b *brokenStore) CreateNewTrial(study int) (int, error) {
	if b.left--; b.left < 0 {
		return -1, b.err
	}
	return b.store.CreateNewTrial(study)
}

// TestDeadStorage: goptuna's Optimize would ask a dead storage for ever.
func TestDeadStorage(t *testing.T) {
	for _, name := range Samplers() {
		b := &brokenStore{store: newStore(), left: 5, err: goptuna.ErrInvalidStudyID}
		r, err := newRun(t.Context(), b, sphere(0), Settings{Box: cube(2, 0, 1), Sampler: name, Trials: 100})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.run(); err == nil || b.left != -1 {
			t.Errorf("%s: error %v after %d more", name, err, -b.left)
		}
	}
}
