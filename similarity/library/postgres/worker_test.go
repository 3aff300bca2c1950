package postgres

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library/postgres/pgtest"
)

// The test binary is a process that uses a library, too: what it is to do is in this
// variable, and the arguments are a URL and files.
const roleVariable = "MIXMATCH_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role, os.Args[1], os.Args[2:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is what another process does.
func play(role, url string, files []string) error {
	ctx := context.Background()
	l, err := Open(ctx, url, true)
	if err != nil {
		return err
	}
	if role == "add" {
		for _, path := range files {
			f, err := fingerprint.Open(path)
			if err != nil {
				return err
			}
			added, err := l.Add(ctx, f)
			if err != nil {
				return err
			}
			fmt.Println(added)
		}
		return nil
	}
	w, err := l.Worker(ctx, "a process")
	if err != nil {
		return err
	}
	for {
		j, _, err := w.Take(ctx)
		if err != nil || j == nil {
			return err
		}
		fmt.Println(j.Path)
		if role == "hang" {
			select {}
		}
		f, err := fingerprint.Open(j.Path)
		if err != nil {
			return err
		}
		if _, err := w.Finish(ctx, j, f); err != nil {
			return err
		}
	}
}

func process(role, url string, files ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{url}, files...)...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// write writes fingerprints into files.
func write(t testing.TB, prints []*fingerprint.Fingerprint) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i, f := range prints {
		path := filepath.Join(dir, fmt.Sprint(i, fingerprint.Extension))
		if err := os.WriteFile(path, asStored(t, f), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func worker(t testing.TB, l *Library) *Worker {
	t.Helper()
	w, err := l.Worker(context.Background(), "here")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func jobs(paths ...string) (all []Job) {
	for _, p := range paths {
		all = append(all, Job{Path: p})
	}
	return all
}

// status is what [Library.Status] says, in short.
func status(t testing.TB, l *Library) string {
	t.Helper()
	s, err := l.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d waiting, %d working, %d done, %d failed", s.Waiting, len(s.Working), s.Done, len(s.Failed))
}

// testProcesses adds the same models from several processes: each is one record.
func testProcesses(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	where, files := s.Database(t), write(t, prints)
	var all sync.WaitGroup
	var mu sync.Mutex
	added := 0
	for range 4 {
		all.Go(func() {
			out, err := process("add", where, files...).CombinedOutput()
			mu.Lock()
			defer mu.Unlock()
			if added += strings.Count(string(out), "true"); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	if got := len(entries(t, open(t, where))); got != len(prints) || added != len(prints) {
		t.Errorf("added %d, there are %d", added, got)
	}
}

// testDeadWorker kills processes that have a file: it is taken again, but not for ever.
func testDeadWorker(t *testing.T, s *pgtest.Server, prints []*fingerprint.Fingerprint) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ctx, where := context.Background(), s.Database(t)
	l := open(t, where)
	files := write(t, prints[:2])
	if _, err := l.Queue(ctx, jobs(files...)); err != nil {
		t.Fatal(err)
	}
	hang := func() string {
		cmd := process("hang", where)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		line := bufio.NewScanner(out)
		line.Scan()
		if got := status(t, l); got != "1 waiting, 1 working, 0 done, 0 failed" {
			t.Error(got)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for s.SQL(t, where, "select count(*) from pg_locks where locktype = 'advisory'") != "0" {
			time.Sleep(10 * time.Millisecond) // until the server has seen it
		}
		return line.Text()
	}
	var had []string
	for range 2 * maxAttempts { // the least tried first
		had = append(had, hang())
	}
	slices.Sort(had)
	if want := []string{files[0], files[0], files[0], files[1], files[1], files[1]}; !slices.Equal(had, want) {
		t.Errorf("had %q", had)
	}
	w := worker(t, l)
	if j, others, err := w.Take(ctx); j != nil || others != 0 || err != nil {
		t.Fatal(j, others, err)
	}
	if got := status(t, l); got != "0 waiting, 0 working, 0 done, 2 failed" {
		t.Error(got)
	}
	if n, err := l.Retry(ctx); n != 2 || err != nil {
		t.Error(n, err)
	}
	if out, err := process("work", where).CombinedOutput(); err != nil || string(out) != strings.Join(files, "\n")+"\n" {
		t.Errorf("%v: %s", err, out)
	}
	if got := status(t, l); got != "0 waiting, 0 working, 2 done, 0 failed" {
		t.Error(got)
	}
	// A worker that is cut off from the server cannot finish what others have by then.
	if _, err := l.Queue(ctx, jobs("/again")); err != nil {
		t.Fatal(err)
	}
	j, _, err := w.Take(ctx)
	if err != nil || j == nil {
		t.Fatal(j, err)
	}
	s.SQL(t, where, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
	if _, err := w.Finish(ctx, j, prints[3]); err == nil {
		t.Error("no error")
	} else {
		one(t, err)
	}
	other := worker(t, l)
	if again, _, err := other.Take(ctx); err != nil || again == nil || again.Path != "/again" {
		t.Fatal(again, err)
	}
	if got := len(entries(t, l)); got != 2 {
		t.Errorf("%d records", got)
	}
}
