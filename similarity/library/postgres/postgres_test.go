package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/similarity/library/postgres/pgtest"
)

// TestPostgres tries everything on one server.
func TestPostgres(t *testing.T) {
	s := pgtest.Start(t)
	for _, name := range []string{"PGPASSWORD", "PGUSER", "PGHOST", "PGDATABASE", "PGSERVICE"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	prints := fingerprints(t, 5)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *pgtest.Server, []*fingerprint.Fingerprint)
	}{
		{"records", testRecords},
		{"first use", testFirstUse},
		{"version", testVersion},
		{"names", testNames},
		{"check", testCheck},
		{"stop", testStop},
		{"at once", testAtOnce},
		{"passwords", testPasswords},
		{"processes", testProcesses},
		{"queue", testQueue},
		{"marks", testMarks},
		{"dead worker", testDeadWorker},
		{"reader", testReader},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s, prints) })
	}
}

// fingerprints makes n of small models.
func fingerprints(t testing.TB, n int) []*fingerprint.Fingerprint {
	t.Helper()
	var all []*fingerprint.Fingerprint
	for i := range n {
		m := mergetest.Sketch{Div: 40, DType: checkpoint.F16, Seed: uint64(i)}.Open(t, fmt.Sprintf("model%d", i))
		f, err := fingerprint.Of(context.Background(), m, fingerprint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f.Licence, f.SHA256, f.Page = "openrail", strings.Repeat("ab", 32), "https://example.org/日本語?a=1"
		all = append(all, f)
	}
	return all
}

func open(t testing.TB, url string) *Library {
	t.Helper()
	l, err := Open(context.Background(), url, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func fill(t testing.TB, l library.Library, prints []*fingerprint.Fingerprint) {
	t.Helper()
	for _, f := range prints {
		if added, err := l.Add(context.Background(), f); err != nil || !added {
			t.Fatalf("%s: added is %v, %v", f.Name, added, err)
		}
	}
}

// entries returns all entries of a library.
func entries(t testing.TB, l library.Library) (all []*library.Entry) {
	t.Helper()
	err := l.Entries(context.Background(), func(e *library.Entry) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// loaded returns fingerprints of a library as they are stored, by their contents.
func loaded(t testing.TB, l library.Library, contents []string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := l.Load(context.Background(), contents, func(f *fingerprint.Fingerprint) error {
		if all[f.Content] != nil {
			t.Errorf("%s came twice", f.Name)
		}
		all[f.Content] = asStored(t, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func asStored(t testing.TB, f *fingerprint.Fingerprint) []byte {
	t.Helper()
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// one is an error of one line.
func one(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not tell %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
}

// testRecords holds a database to what it was given.
func testRecords(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	ctx, where := context.Background(), s.Database(t)
	l := open(t, where)
	fill(t, l, prints)
	other := *prints[0]
	other.Name = "the same by another name"
	if added, err := l.Add(ctx, &other); added || err != nil {
		t.Fatalf("added is %v, %v", added, err)
	}
	l = open(t, where) // from the start
	var want []*library.Entry
	contents := []string{prints[3].Content} // twice
	for _, f := range prints {
		want, contents = append(want, library.EntryOf(f)), append(contents, f.Content)
	}
	folder, err := library.OpenFolder(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	fill(t, folder, prints)
	got := entries(t, l)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(entries(t, folder), got); diff != "" {
		t.Errorf("not as in a folder: %s", diff)
	}
	stored := loaded(t, l, contents)
	if diff := cmp.Diff(loaded(t, folder, contents), stored); diff != "" {
		t.Errorf("not as in a folder: %s", diff)
	}
	for _, f := range prints {
		if !bytes.Equal(stored[f.Content], asStored(t, f)) {
			t.Errorf("%s is not what was added", f.Name)
		}
		if has, err := l.Has(ctx, f.Content); !has || err != nil {
			t.Errorf("%s: has is %v, %v", f.Name, has, err)
		}
	}
	if has, err := l.Has(ctx, "nothing"); has || err != nil {
		t.Errorf("has is %v, %v", has, err)
	}
	err = l.Load(ctx, []string{prints[0].Content, "nothing"}, func(*fingerprint.Fingerprint) error {
		t.Error("something was loaded")
		return nil
	})
	if one(t, err, "nothing"); !errors.Is(err, library.ErrUnknown) {
		t.Error(err)
	}
	if n, err := l.Check(ctx, func(text string) { t.Error(text) }); n != len(prints) || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
}
