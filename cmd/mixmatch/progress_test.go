package main

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mixmatch/studies"
)

// A screen is the line of a terminal that a meter writes to, as wide as it is told.
type screen struct {
	mu    sync.Mutex
	wide  int
	line  []rune
	at    int
	seen  []string // the line, each time that the cursor went back to its begin
	wraps int
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range string(b) {
		if r == '\r' {
			s.seen, s.at = append(s.seen, s.text()), 0
			continue
		}
		if s.at++; s.at > s.wide {
			s.wraps++
		}
		for len(s.line) < s.at {
			s.line = append(s.line, ' ')
		}
		s.line[s.at-1] = r
	}
	return len(b), nil
}

func (s *screen) text() string { return strings.TrimRight(string(s.line), " ") }

// now returns the line, and how often the cursor went back.
func (s *screen) now() (line string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text(), len(s.seen)
}

func newTestMeter(s *screen) *meter {
	return &meter{out: s, now: time.Now, width: func() int { return s.wide }}
}

// TestMeter follows a run on terminals of several widths: no line wraps, each says
// what it can of how far things are, and in the end nothing is left of any.
func TestMeter(t *testing.T) {
	for wide, want := range map[int][]string{
		100: {
			"reading  [==========          ]   50 %  8.40 GB of 16.8 GB  1.20 GB/s  17 s left",
			"composing  2 s",
			"searching  [=====               ]   25 %  2000 of 8000  1000/s  16 s left",
		},
		40: {"reading   50 %  1.20 GB/s  17 s left", "composing  2 s", "searching   25 %  1000/s  16 s left"},
		20: {"reading   50 %", "searching   25 %"},
		9:  {"reading", "searchin"},
		1:  {},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &screen{wide: wide}
			m := newTestMeter(s)
			for i := range 8 {
				m.study(studies.Progress{Stage: "reading", Done: int64(i) * 1_200_000_000, Total: 16_800_000_000, Bytes: true, Later: 10 * time.Second})
				time.Sleep(time.Second - time.Millisecond)
				if i == 7 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			m.study(studies.Progress{Stage: "composing", Later: 10 * time.Second})
			time.Sleep(2500 * time.Millisecond)
			for i := range 3 {
				m.study(studies.Progress{Stage: "searching", Done: int64(i) * 1000, Total: 8000, Later: 10 * time.Second})
				time.Sleep(time.Second)
			}
			m.end()
			if s.wraps > 0 {
				t.Errorf("%d columns: %d columns wrapped", wide, s.wraps)
			}
			if left := s.text(); left != "" {
				t.Errorf("%d columns: %q is left", wide, left)
			}
			all := strings.Join(s.seen, "\n")
			for _, w := range want {
				if !strings.Contains(all, w) {
					t.Errorf("%d columns: %q is not among\n%s", wide, w, all)
				}
			}
			if strings.Contains(all, "it/s") {
				t.Error("iterations")
			}
		})
	}
}

// TestMeterMoves: a line moves at least once a second though the work tells nothing, and
// is gone for good after the end, until there is more to show.
func TestMeterMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{wide: 80}
		m := newTestMeter(s)
		m.to("hashing", 0, 0, true)
		for i := range 5 {
			_, before := s.now()
			time.Sleep(time.Second)
			synctest.Wait()
			if _, times := s.now(); times == before {
				t.Errorf("nothing in second %d", i)
			}
		}
		if got, _ := s.now(); got != "hashing  5 s" {
			t.Errorf("%q", got)
		}
		m.end()
		m.end()
		_, before := s.now()
		time.Sleep(time.Minute)
		if _, times := s.now(); times != before {
			t.Errorf("it draws %d times after its end", times-before)
		}
		m.to("merging", 1, 2, false)
		if got, _ := s.now(); got != "merging  [==========          ]   50 %  1 of 2" {
			t.Errorf("%q", got)
		}
		m.end()
	})
}

// TestMeterResumes: what was done before this run is not counted to its speed.
func TestMeterResumes(t *testing.T) {
	now := time.Now()
	s := stage{name: "reading", done: 9e9, first: 8e9, total: 10e9, bytes: true, begun: now.Add(-time.Second), told: now}
	if got := s.line(now, 60); got != "reading   90 %  9.00 GB of 10.0 GB  1.00 GB/s  1 s left" {
		t.Errorf("%q", got)
	}
	for d, want := range map[time.Duration]string{
		59 * time.Second: "59 s", time.Minute: "1:00 min", time.Hour - time.Second: "59:59 min", 90 * time.Minute: "1:30 h",
	} {
		if got := clock(d); got != want {
			t.Errorf("%v: %q, not %q", d, got, want)
		}
	}
}

// TestMeterSaysNothing where nobody looks.
func TestMeterSaysNothing(t *testing.T) {
	m := &meter{now: time.Now, width: func() int { return 80 }}
	m.to("reading", 1, 2, true)
	m.end()
	if m.ended != nil {
		t.Error("a clock runs")
	}
}
