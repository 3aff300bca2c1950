package recovery

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
)

// The table is printed on request: see make recovery.
var (
	table   = flag.Bool("table", false, "measure all situations and print the table")
	repeats = flag.Int("n", 2, "mixes for each situation")
	width   = flag.Int("width", 48, "width of the made-up models, where Stable Diffusion has 320")
	seed    = flag.Uint64("seed", 1, "seed of the first mix")
	only    = flag.String("only", "", "regular expression of the situations to measure")
)

// TestTable prints the table of all situations to the standard output.
func TestTable(t *testing.T) {
	if !*table {
		t.Skip("only with -table: see make recovery")
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Repeats: *repeats, Width: *width, Seed: *seed, Trained: os.Getenv("TRAINED"), Folder: t.TempDir()}
	Head(os.Stdout)
	for _, s := range Situations() {
		if !match.MatchString(s.Name) {
			continue
		}
		score, err := Measure(t.Context(), s, o)
		if errors.Is(err, ErrSkipped) {
			fmt.Printf("| %s | %v |\n", s.Name, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		Row(os.Stdout, s.Name, score)
	}
}

// TestAllThere holds what must always be: where nothing is missing, the models
// are found, no other is named, and the verdict is exact.
func TestAllThere(t *testing.T) {
	for _, name := range []string{"all there, 10 decoys", "rounded once", "clusters, all there"} {
		s := measured(t, name, 2)
		if s.Sources.Precision() != 1 || s.Sources.Recall() != 1 {
			t.Errorf("%s: sources %+v", name, s.Sources)
		}
		if s.Verdicts != s.N {
			t.Errorf("%s: %d of %d are exact", name, s.Verdicts, s.N)
		}
		if s.Mean() > 1e-3 {
			t.Errorf("%s: the weights are off by %v", name, s.Mean())
		}
	}
}

// TestNeverExact holds the other half: no mix that lacks a source is called exact.
func TestNeverExact(t *testing.T) {
	for _, name := range []string{"15 % missing, one direction", "40 % missing, clusters"} {
		if s := measured(t, name, 1); s.Verdicts != s.N {
			t.Errorf("%s: %d of %d verdicts are right", name, s.Verdicts, s.N)
		}
	}
}

// TestEach measures one mix of each situation: none may fail.
func TestEach(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, s := range Situations() {
		if !s.trained {
			measured(t, s.Name, 1)
		}
	}
}

// measured measures a situation with small models.
func measured(t *testing.T, name string, n int) *Score {
	t.Helper()
	for _, s := range Situations() {
		if s.Name != name {
			continue
		}
		score, err := Measure(t.Context(), s, Options{Repeats: n, Width: 20, Seed: 1, Folder: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return score
	}
	t.Fatalf("no situation %q", name)
	return nil
}
