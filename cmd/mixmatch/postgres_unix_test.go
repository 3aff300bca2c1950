//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/mergetest"
	"mixmatch/similarity/library"
	"mixmatch/similarity/library/postgres"
	"mixmatch/similarity/library/postgres/pgtest"
)

// queued is what library queue --status --json prints.
func queued(t *testing.T, url string) (s postgres.Status) {
	t.Helper()
	out, _, code := runs(t, "library", "queue", url, "--status", "--json")
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	return s
}

// runs runs the program to its end.
func runs(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd, errs := mixmatch(args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

// TestPostgresWorkers has four workers empty a queue, two of which are killed while they
// read: every model is in the library, once.
func TestPostgresWorkers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server, and processes that use it")
	}
	s := pgtest.Start(t)
	url, dir := s.Database(t), t.TempDir()
	const models = 24
	for i := range models {
		path := mergetest.Sketch{Div: 20, DType: checkpoint.F32, Seed: uint64(i)}.Write(t, fmt.Sprintf("model%02d", i))
		if err := os.Rename(path, filepath.Join(dir, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	out, stderr, code := runs(t, "library", "queue", url, dir)
	if code != 0 || !strings.Contains(out, fmt.Sprintf("%d put", models)) {
		t.Fatalf("exit code %d: %s%s", code, out, stderr)
	}
	var workers []*exec.Cmd
	var told []*bytes.Buffer
	for range 4 {
		cmd, errs := mixmatch("library", "work", url, "--wait", "--threads", "1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		workers, told = append(workers, cmd), append(told, errs)
	}
	killed := map[int]bool{}
	for len(killed) < 2 {
		i := len(killed)
		// A worker that holds still has its file, or is between two.
		if err := workers[i].Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		st := queued(t, url)
		if slices.ContainsFunc(st.Working, func(w postgres.Working) bool {
			return strings.HasSuffix(w.Worker, fmt.Sprintf(":%d", workers[i].Process.Pid))
		}) {
			_ = workers[i].Process.Kill()
			killed[i] = true
			continue
		}
		if st.Done == models {
			t.Fatal("the workers were done before they could be killed")
		}
		if err := workers[i].Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	for i, cmd := range workers {
		if err := cmd.Wait(); (err != nil) != killed[i] {
			t.Errorf("worker %d: %v\n%s", i, err, told[i])
		}
	}
	if st := queued(t, url); st.Done != models || st.Waiting+len(st.Working)+len(st.Failed) > 0 {
		t.Errorf("%+v", st)
	}
	l, err := postgres.Open(context.Background(), url, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var names []string
	if err := l.Entries(context.Background(), func(e *library.Entry) error {
		names = append(names, e.Name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for i := range models {
		if want := fmt.Sprintf("model%02d", i); i >= len(names) || names[i] != want || len(names) != models {
			t.Fatalf("%d models, %q", len(names), names)
		}
	}
	if n, err := l.Check(context.Background(), func(text string) { t.Error(text) }); n != models || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	if got := s.SQL(t, url, "select sum(attempts - 1) from mixmatch_queue"); got != "2" {
		t.Errorf("files were taken again %s times", got)
	}
}

// TestPostgresCommands tries what can happen to a queue.
func TestPostgresCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server, and processes that use it")
	}
	s := pgtest.Start(t)
	url, dir := s.Database(t), t.TempDir()
	t.Setenv("PGPASSFILE", filepath.Join(dir, "none"))
	model := mergetest.Sketch{Div: 40, Seed: 1}.Write(t, "model")
	bad := filepath.Join(dir, "bad.safetensors")
	if err := os.WriteFile(bad, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		out, errs, got := runs(t, args...)
		if got != code || !strings.Contains(out, stdout) || !strings.Contains(errs, stderr) {
			t.Errorf("%q: exit code %d, not %d\n%s%s", args, got, code, out, errs)
		}
		if code != 0 && (out != stdout || strings.Contains(out+errs, "Sesam")) {
			t.Errorf("%q: %s%s", args, out, errs)
		}
	}
	check(5, "", `"library add" makes one`, "library", "queue", url, "--status")
	check(0, "2 put into the queue, 0 in it before\n", "", "library", "queue", url, "other name="+model, bad, filepath.Dir(bad)+"/../"+filepath.Base(dir)+"/bad.safetensors", model)
	check(0, "0 put into the queue, 1 in it before\n", "", "library", "queue", url, bad)
	check(2, "", "there is no such file", "library", "queue", url, filepath.Join(dir, "nothing"))
	check(3, model+": added\n", bad, "library", "work", url)
	check(0, "", "", "library", "work", url)
	check(0, "waiting  0\nworking  0\ndone     1\nskipped  0\nfailed   1\nfailed   "+bad+": ", "", "library", "queue", url, "--status")
	check(0, "1 that failed can be taken again\n", "", "library", "queue", url, "--retry")
	check(0, "waiting  1\nworking  0\ndone     1\nskipped  0\nfailed   0\n", "", "library", "queue", url, "--status")
	if err := os.Rename(model, bad); err != nil { // as one that was downloaded anew
		t.Fatal(err)
	}
	check(0, bad+": there already\n", "", "library", "work", url)
	if got := s.SQL(t, url, "select name from mixmatch_fingerprints"); got != "other name" {
		t.Errorf("it is called %s", got)
	}

	// A library in a database is one for all commands.
	check(0, "1 model added, 0 there already", "", "library", "add", url, mergetest.Sketch{Div: 40, Seed: 2}.Write(t, "second"))
	check(0, "other name", "", "library", "list", url)
	check(0, "2 records, all sound\n", "", "library", "check", url)
	folder := filepath.Join(dir, "folder")
	check(0, "2 records taken over, 0 there already\n", "", "library", "merge", folder, url)
	check(0, "0 records taken over, 2 there already\n", "", "library", "merge", url, folder)
	fromFolder, _, _ := runs(t, "library", "list", folder, "--json")
	if fromURL, _, _ := runs(t, "library", "list", url, "--json"); fromURL != fromFolder || fromURL == "" {
		t.Errorf("%s in a database, %s in a folder", fromURL, fromFolder)
	}
	s.SQL(t, url, "update mixmatch_fingerprints set fingerprint = set_byte(fingerprint, 9999, 0) where number = (select max(number) from mixmatch_fingerprints)")
	check(5, "", "checksum", "library", "check", url)

	guarded := strings.Replace(url, "tester@", pgtest.Guarded+":Sesam@", 1)
	check(1, "", "password authentication failed", "library", "work", guarded)
	check(1, "", "password authentication failed", "library", "add", guarded, bad)
	check(1, "", "cannot connect", "library", "work", "postgres://user:Sesam@127.0.0.1:1/db")
	check(2, "", "%40", "library", "queue", "postgres://user:Se@Sesam@/db", "--status")
	check(2, "", "xxxxx", "library", "work", "postgre://user:Sesam@host/db")
	check(2, "", "xxxxx", "inspect", "postgres://user:Sesam@host/db")

	// Files that are not there may be so on this machine alone.
	var gone []string
	for i := range maxAbsent + 1 {
		path := filepath.Join(dir, fmt.Sprintf("%d.safetensors", i))
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, path)
	}
	check(0, "4 put", "", append([]string{"library", "queue", url}, gone...)...)
	for _, path := range gone {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	check(2, "", "mounted", "library", "work", url)
	if st := queued(t, url); st.Waiting != 1 || len(st.Failed) != maxAbsent {
		t.Errorf("%+v", st)
	}
}

// TestPostgresInterrupt stops a worker, as a batch system does before it kills: its file
// is there for others, as if nobody had had it.
func TestPostgresInterrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server, and processes that use it")
	}
	s := pgtest.Start(t)
	url := s.Database(t)
	model := mergetest.Sketch{Div: 8, DType: checkpoint.F32, Seed: 1}.Write(t, "model")
	if out, stderr, code := runs(t, "library", "queue", url, model); code != 0 {
		t.Fatal(out, stderr)
	}
	cmd, stderr := mixmatch("library", "work", url, "--threads", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for s.SQL(t, url, "select count(*) from mixmatch_queue where worker is not null") == "0" {
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err == nil {
		t.Skip("it was done before it could be stopped")
	} else if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("%v: %s", err, stderr)
	}
	if got := s.SQL(t, url, "select state, attempts, worker is null from mixmatch_queue"); got != "waiting|0|t" {
		t.Error(got)
	}
}
