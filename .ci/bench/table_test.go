package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint/safetensors"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		x    []float64
		want float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := append([]float64(nil), tt.x...)
		if got := median(tt.x); got != tt.want {
			t.Errorf("median of %v is %v; want %v", tt.x, got, tt.want)
		}
		for i := range before {
			if tt.x[i] != before[i] {
				t.Errorf("%v was sorted in place", before)
			}
		}
	}
}

// times returns samples of so many milliseconds.
func times(ms ...int) series {
	var s series
	for _, n := range ms {
		s = append(s, sample{wall: time.Duration(n) * time.Millisecond})
	}
	return s
}

func TestFigures(t *testing.T) {
	s := times(8900, 8500, 9400)
	for i := range s {
		s[i].cpu, s[i].peak, s[i].kept = 17*time.Second, 411e6, 940e3
	}
	for _, tt := range []struct{ got, want string }{
		{s.String(), "8.90 s (8.50 to 9.40), CPU 17.0 s, 411 MB, products 0.9 MB"},
		{times(12).String(), "0.012 s (one run)"},
		{series(nil).String(), "-"},
		{fraction(5.93), "5.93"},
		{fraction(1 / 4.6), "1/4.60"},
		{fraction(1), "1.00"},
		{fraction(0), "-"},
		{digits(181.4), "181"},
		{grew(0.73, 8.55, 3), "11.7 x, n^2.2"},
		{grew(0, 8.55, math.Inf(1)), ""},
		{atMost(2.2).text, "<= 2.2"},
		{atMost(0.1).text, "<= 1/10"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q; want %q", tt.got, tt.want)
		}
	}
}

// TestRatio: turn by turn, so that a turn that is slow for both counts as any other.
func TestRatio(t *testing.T) {
	if r := ratio(times(20, 200, 30), times(10, 100, 10)); r != 2 {
		t.Errorf("ratio %v", r)
	}
	if r := ratio(times(20), nil); r != 0 {
		t.Errorf("ratio to nothing is %v", r)
	}
}

func TestTable(t *testing.T) {
	two, tenth := atMost(2), atMost(0.1)
	r := result{
		work: "merge a|b", ours: times(300, 100, 200), goals: []goal{under(0.1, seconds, "under 0.1 s")},
		beside: []beside{
			{name: "cp", theirs: times(150, 50, 100), goal: &two},
			{name: "torch", theirs: times(300, 400, 300), goal: &tenth},
			{name: "sd-mecha", skipped: "skipped: not installed", goal: &tenth},
		},
	}
	want := `| merge a/b | 0.20 s (0.10 to 0.30) | cp | 0.10 s (0.050 to 0.15) | 2.00 | <= 2 | yes |
|  |  | torch | 0.30 s (0.30 to 0.40) | 1/1.50 | <= 1/10 | no |
|  |  | sd-mecha | skipped: not installed |  |  |  |
|  |  |  |  |  | under 0.1 s | no |
`
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r = result{work: "x", failed: "stopped after 2m0s", beside: []beside{{name: "cp", theirs: times(1), goal: &two}}}
	if got, want := r.String(), "| x | stopped after 2m0s | cp | 0.001 s (one run) | - | <= 2 |  |\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	columns := strings.Count(strings.SplitN(tableHead, "\n", 2)[0], "|")
	for line := range strings.Lines(want) {
		if strings.Count(line, "|") != columns {
			t.Errorf("other columns than the head's: %s", line)
		}
	}
}

func TestScratch(t *testing.T) {
	s, err := newScratch(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.folder("a", 6e9); err != nil {
		t.Error(err)
	}
	if _, err := s.folder("b", 6e9); err == nil {
		t.Error("12 GB allowed")
	}
	if err := s.drop("a"); err != nil {
		t.Error(err)
	}
	if _, err := s.folder("b", 6e9); err != nil {
		t.Error(err)
	}
	if err := s.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.dir); err == nil {
		t.Error("it is still there")
	}
}

// TestModels: what is made can be measured, and is as large as asked for.
func TestModels(t *testing.T) {
	dir := t.TempDir()
	if err := makeModels(t.Context(), []string{dir, "3", "0.2"}); err != nil {
		t.Fatal(err)
	}
	paths := []string{filepath.Join(dir, baseFile)}
	for i := range 3 {
		paths = append(paths, filepath.Join(dir, sourceFile(i)))
	}
	paths = append(paths, filepath.Join(dir, targetFile))
	for _, p := range paths {
		f, err := safetensors.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, x := range f.Tensors() {
			n += x.Len()
		}
		if n < 180e3 || n > 220e3 {
			t.Errorf("%s has %d parameters", p, n)
		}
		if _, err := merge.KindOf(f); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		f.Close()
	}
	if took, err := pass(t.Context(), 2, paths); err != nil || took <= 0 {
		t.Errorf("pass: %v, %v", took, err)
	}
	if took, err := pread(t.Context(), 2, paths); err != nil || took <= 0 {
		t.Errorf("pread: %v, %v", took, err)
	}
}
