package live_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mixmatch/studies"
	"mixmatch/studies/report"
)

type studyState struct {
	State, Stage, Error string
	Done, Total         int64
}

type searchMove struct {
	Name   string
	Trials int
	Best   float64
	Points [][2]float64
}

// now returns the state of a study and how many trials it has.
func now(c *client, name string) (studyState, int) {
	c.t.Helper()
	var v struct {
		State    studyState
		Searches []searchMove
	}
	c.get("/api/events?once&s="+name, &v)
	n := 0
	for _, s := range v.Searches {
		n += s.Trials
	}
	return v.State, n
}

// over waits until a study runs no more, and returns its state.
func over(c *client, name string) studyState {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		var list struct {
			Studies []struct{ Name, State string }
		}
		c.get("/api/studies", &list)
		for _, s := range list.Studies {
			if s.Name == name && s.State != "running" {
				st, _ := now(c, name)
				return st
			}
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s never ends: %+v", name, list)
		}
	}
}

// grown waits until the journals of a study have so many bytes, or it is finished.
func grown(c *client, dir string, bytes int64) {
	c.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(2 * time.Millisecond) {
		if _, ok := studies.Settled(dir); ok || journals(dir) >= bytes {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the journals of %s do not grow", dir)
		}
	}
}

// journals returns how many bytes the journals of a study have.
func journals(dir string) (n int64) {
	files, _ := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
	}
	return n
}

func start(name string, trials int) map[string]any {
	var paths []string
	for _, s := range sources {
		paths = append(paths, s+".safetensors")
	}
	return map[string]any{"study": name, "target": "BlessingMix_V1.safetensors", "base": "v1-5-pruned-emaonly.safetensors", "sources": paths, "trials": trials, "seed": 1}
}

// TestStopAndResume starts a study, follows it, stops it several times and resumes it;
// what comes of it is, byte for byte, what comes of one that nobody stopped.
func TestStopAndResume(t *testing.T) {
	trials := 4000
	if testing.Short() {
		trials = 1000
	}
	dir := folder(t)
	c := serve(t, dir)
	c.post("/api/start", start("stopped", trials), nil)

	study := filepath.Join(dir, "stopped")
	stops := 0
	for k := range 3 {
		before := journals(study)
		grown(c, study, before+20_000)
		code, text := c.ask(http.MethodPost, "/api/stop", `{"study":"stopped"}`, nil)
		st, n := now(c, "stopped")
		if st.State == "finished" { // it was quicker
			break
		}
		if code != http.StatusOK || st.State != "stopped" || st.Error != "" || n == 0 || journals(study) <= before {
			t.Fatalf("stop %d: %d %s; %+v, %d trials", k, code, text, st, n)
		}
		stops++
		c.post("/api/resume", map[string]string{"study": "stopped"}, nil)
		c.refused("POST", "/api/resume", `{"study":"stopped"}`, 409, "runs already")
	}
	if st := over(c, "stopped"); st.State != "finished" || st.Error != "" {
		t.Fatalf("it came to %+v", st)
	}
	t.Logf("stopped %d times", stops)

	calm := begin(t, dir, "calm", trials)
	sum, err := calm.Run(t.Context(), studies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := calm.Close(); err != nil {
		t.Fatal(err)
	}
	want, got := files(t, filepath.Join(dir, "calm")), files(t, filepath.Join(dir, "stopped"))
	var text bytes.Buffer
	if err := report.Text(&text, sum, report.Page{}); err != nil {
		t.Fatal(err)
	}
	want["report.txt"] = text.String() // which the command line writes
	for name := range want {
		if want[name] != got[name] {
			t.Errorf("%s differs: %d and %d bytes", name, len(want[name]), len(got[name]))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: only in the study that was stopped", name)
		}
	}
	type line struct {
		Name, State, Verdict string
		Trials               int
	}
	var list struct{ Studies []line }
	c.get("/api/studies", &list)
	if i := slices.IndexFunc(list.Studies, func(s line) bool { return s.Name == "stopped" }); i < 0 || list.Studies[i].State != "finished" || list.Studies[i].Trials != sum.Trials || list.Studies[i].Verdict == "" {
		t.Errorf("the list says %+v", list)
	}
}

// TestEvents follows a study that runs: each trial is told once, in order.
func TestEvents(t *testing.T) {
	const trials = 300
	dir := folder(t)
	c := serve(t, dir)
	c.post("/api/start", start("s", trials), nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/api/events?s=s", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if k := answer.Header.Get("Content-Type"); k != "text/event-stream" {
		t.Fatalf("events are %q", k)
	}
	told := map[string]searchMove{}
	var states []string
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	event := ""
	for lines.Scan() {
		line := lines.Text()
		if e, ok := strings.CutPrefix(line, "event: "); ok {
			event = e
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		switch event {
		case "searches":
			var moves []searchMove
			if err := json.Unmarshal([]byte(data), &moves); err != nil {
				t.Fatal(err)
			}
			for _, m := range moves {
				before := told[m.Name]
				if m.Trials < before.Trials || before.Trials > 0 && m.Best > before.Best {
					t.Errorf("%s: from %d trials and %v to %d and %v", m.Name, before.Trials, before.Best, m.Trials, m.Best)
				}
				m.Points = append(before.Points, m.Points...)
				if !slices.IsSortedFunc(m.Points, func(a, b [2]float64) int { return int(a[0] - b[0]) }) {
					t.Errorf("%s: points out of order: %v", m.Name, m.Points)
				}
				told[m.Name] = m
			}
		case "state":
			var st studyState
			if err := json.Unmarshal([]byte(data), &st); err != nil {
				t.Fatal(err)
			}
			if len(states) == 0 || states[len(states)-1] != st.State {
				states = append(states, st.State)
			}
			if st.Error != "" {
				t.Fatalf("state %+v", st)
			}
		}
		if len(states) > 0 && states[len(states)-1] == "finished" {
			break
		}
	}
	if !slices.Equal(states, []string{"running", "finished"}) && !slices.Equal(states, []string{"finished"}) {
		t.Errorf("states %q", states)
	}
	sum, err := studies.ReadSummary(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range told {
		n += m.Trials
		if len(m.Points) == 0 || m.Points[len(m.Points)-1][1] != m.Best {
			t.Errorf("%s: best %v, points %v", m.Name, m.Best, m.Points)
		}
	}
	if n != sum.Trials {
		t.Errorf("%d trials were told of, and there were %d", n, sum.Trials)
	}
}

// TestShutdown stops the server in the middle of a study, which can be resumed.
func TestShutdown(t *testing.T) {
	dir := folder(t)
	c := serve(t, dir)
	c.post("/api/start", start("s", 30000), nil)
	grown(c, filepath.Join(dir, "s"), 10_000)
	stopped := c.stop()
	if !slices.Equal(stopped, []string{filepath.Join(dir, "s")}) {
		t.Errorf("stopped %q", stopped)
	}
	s, err := studies.Open(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := studies.Follow(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if news, err := f.Next(); err != nil || len(news) == 0 {
		t.Errorf("journals: %d, %v", len(news), err)
	}
}

// TestElsewhere follows what another process runs, and touches nothing.
func TestElsewhere(t *testing.T) {
	dir := folder(t)
	s := begin(t, dir, "s", 5) // this process, but not the server, holds it
	defer s.Close()
	c := serve(t, dir)
	if st, _ := now(c, "s"); st.State != "elsewhere" {
		t.Errorf("state %+v", st)
	}
	c.refused("POST", "/api/resume", `{"study":"s"}`, 409, "study in use")
	c.refused("POST", "/api/stop", `{"study":"s"}`, 409, "does not run here")
	if _, err := s.Run(t.Context(), studies.Options{NoSimilar: true}); err != nil {
		t.Fatal(err)
	}
	if st, n := now(c, "s"); st.State != "elsewhere" || n < 26 {
		t.Errorf("state %+v after %d trials", st, n)
	}
	s.Close()
	if st, _ := now(c, "s"); st.State != "finished" {
		t.Errorf("state %+v when it is let go of", st)
	}
}
