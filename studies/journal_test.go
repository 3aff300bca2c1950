package studies

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/optimize"
)

func journalText(t testing.TB, trials ...optimize.Trial) []byte {
	t.Helper()
	var text []byte
	for _, q := range trials {
		b, err := line{Trial: q.Number, By: q.By, X: q.X, Value: q.Value}.encode()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	return text
}

var someTrials = []optimize.Trial{
	{Number: 0, By: "start", X: []float64{.1, -1. / 3}, Value: 1e-17},
	{Number: 1, By: "cmaes", X: []float64{math.SmallestNonzeroFloat64, 1e300}, Value: optimize.Penalty},
	{Number: 2, By: "polish", X: []float64{0, 2}, Value: .5},
}

// TestJournal writes trials, reads them back to the bit, and goes on after a
// line that was cut short.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	for i := range 3 {
		j, err := openJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(append([]optimize.Trial{}, j.trials...), someTrials[:i]) {
			t.Errorf("read back %v; want %v", j.trials, someTrials[:i])
		}
		if err := j.append(someTrials[i]); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"trial":` + string(rune('1'+i))); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

// TestJournalDamage changes every byte in turn. Only a change of the last
// line's end may pass, as the trace of a line cut short.
func TestJournalDamage(t *testing.T) {
	text := journalText(t, someTrials...)
	for i := range text {
		bad := bytes.Clone(text)
		bad[i] ^= 2
		trials, _, err := parseJournal(bytes.NewReader(bad))
		if i == len(text)-1 {
			if err != nil || len(trials) != 2 {
				t.Errorf("the last line's end: %d trials, %v", len(trials), err)
			}
			continue
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d (%q): %v", i, text[max(0, i-20):i+1], err)
		}
	}
	for i := range text { // cut short at every byte: whole lines stay
		trials, good, err := parseJournal(bytes.NewReader(text[:i]))
		if err != nil || good > int64(i) || len(trials) != bytes.Count(text[:i], []byte("\n")) {
			t.Errorf("cut at %d: %d trials, %v", i, len(trials), err)
		}
	}
	for rest, ok := range map[string]bool{"": true, "{": true, `{"trial":3,"by`: true, "\x00\x00": true, "SQLite format 3": false, "{}": false, "\x00x": false} {
		trials, good, err := parseJournal(strings.NewReader(string(text) + rest))
		if ok && (err != nil || len(trials) != 3 || good != int64(len(text))) || !ok && !errors.Is(err, ErrDamaged) {
			t.Errorf("%q at the end: %d trials, %v", rest, len(trials), err)
		}
	}
	if _, _, err := parseJournal(bytes.NewReader(journalText(t, someTrials[1]))); !errors.Is(err, ErrDamaged) {
		t.Errorf("trial 0 is missing: %v", err)
	}
}

// FuzzJournal: whatever is accepted is written back byte for byte.
func FuzzJournal(f *testing.F) {
	f.Add(journalText(f, someTrials...))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"trial":0,"by":"start","x":null,"value":1e999}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		trials, good, err := parseJournal(bytes.NewReader(text))
		if err != nil {
			return
		}
		if back := journalText(t, trials...); !bytes.Equal(back, text[:good]) {
			t.Errorf("%q became %q", text[:good], back)
		}
	})
}

// FuzzPlan: no plan file makes the reader panic, and what is accepted passes
// its own check.
func FuzzPlan(f *testing.F) {
	path := filepath.Join(f.TempDir(), planFile)
	if err := writePlan(path, &Plan{Format: planFormat, Sources: []Input{{Name: "a"}}, Groups: []block.Group{block.Outputs}, Sampler: "cmaes"}); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":1,"crc32":"0"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), planFile)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := readPlan(path)
		if err == nil && p.Check() != nil {
			t.Error("accepted a plan that does not pass its check")
		}
	})
}

// FuzzGlance reads of every line of a journal what reading it whole does.
func FuzzGlance(f *testing.F) {
	for line := range bytes.Lines(journalText(f, someTrials...)) {
		f.Add(line)
	}
	f.Add([]byte(`{"trial":0,"by":",\"value\":1","x":null,"value":-0,"crc32":"00000000"}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"trial":`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := glance(text)
		var l line
		if json.Unmarshal(text, &l) != nil {
			return // it has the checksum of something else
		}
		if again, err := l.encode(); err != nil || !bytes.Equal(again, text) {
			return
		}
		if !ok || got.Number != l.Trial || got.Value != l.Value {
			t.Fatalf("%q: %v, %v; want %d and %v", text, got, ok, l.Trial, l.Value)
		}
	})
}
