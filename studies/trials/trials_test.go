package trials

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"mixmatch/optimize"
	"mixmatch/studies"
)

var update = flag.Bool("update", false, "rewrite the expected files")

// some are searches of two blocks that differ in their ratios, and of a group. One has
// no trial yet.
var some = []studies.SearchRecord{
	{
		Name: "IN00", Bounded: true, Ceiling: 0.001953125, Ratios: []studies.SearchedRatio{{Step: 2, Lower: -1, Upper: 2}, {Step: 10, Lower: 0, Upper: 1}},
		Trials: []optimize.Trial{{Number: 0, By: "start", X: []float64{0.5, 0.25}, Value: 0.002}, {Number: 1, By: "cmaes", X: []float64{0.1, 1}, Value: 1e300}},
	},
	{Name: "OUT11", Ratios: []studies.SearchedRatio{{Step: 1, Upper: 1}, {Step: 1, Beta: true, Upper: 1}, {Step: 2, Lower: -1, Upper: 2}}, Trials: []optimize.Trial{{Number: 0, By: "start", X: []float64{0.1, 0.2, 0.3}, Value: 0.125}}},
	{Name: "group-outputs", Ratios: []studies.SearchedRatio{{Step: 3, Upper: 1}}},
}

// TestDocuments compares what is written with what was, which Optuna has read: see
// make optuna-oracle.
func TestDocuments(t *testing.T) {
	var table, journal bytes.Buffer
	if err := CSV(&table, some); err != nil {
		t.Fatal(err)
	}
	if err := Optuna(&journal, `a "study" <b>`, some); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"trials.csv": table.Bytes(), "optuna.log": journal.Bytes()} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is\n%s\nnot\n%s", name, got, want)
		}
	}
}
