package main

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mixmatch/studies/report"
)

var kills = flag.Int("kills", 3, "how often TestKill kills the program")

// searchArgs are the arguments of a study of the family in dir, with so many
// trials for each of its 26 searches.
func searchArgs(dir, trials string) []string {
	models := os.Getenv(familyVariable)
	path := func(name string) string { return filepath.Join(models, name+".safetensors") }
	args := []string{
		"optimize", dir, "--trials", trials, "--quiet",
		"--target", path("BlessingMix_V1"), "--base", path("v1-5-pruned-emaonly"),
	}
	for _, s := range family {
		args = append(args, "--source", path(s))
	}
	return args
}

// mixmatch returns the program as a process of its own.
func mixmatch(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command("mixmatch", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// TestKill kills a study at random moments and resumes it until it is done.
// The journals must only ever grow, and what comes of it must be, byte for
// byte, what comes of a study that nobody killed. Then it hunts the next one.
func TestKill(t *testing.T) {
	trials := "3000" // a second or so
	if testing.Short() {
		trials = "300"
	}
	calm := filepath.Join(t.TempDir(), "calm")
	begun := time.Now()
	cmd, stderr := mixmatch(searchArgs(calm, trials)...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	took := time.Since(begun)

	r := rand.New(rand.NewPCG(1, uint64(*kills)))
	hunted, held, landed := t.TempDir(), map[string][]byte{}, 0
	finish := func() {
		cmd, stderr := mixmatch(next(hunted, trials)...)
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, stderr)
		}
		grown(t, hunted, held)
		equal(t, calm, hunted)
		hunted, held = t.TempDir(), map[string][]byte{}
	}
	whole := size(grown(t, calm, nil))
	for k := range *kills {
		// An early moment, while files are read and the first trials made, or
		// any other of the time that a whole run takes.
		moment := time.Duration(r.Float64() * float64(took))
		if k%4 == 3 {
			moment /= 10
		}
		cmd, stderr := mixmatch(next(hunted, trials)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(moment)
		_ = cmd.Process.Kill() // it may be done
		err := cmd.Wait()
		held = grown(t, hunted, held)
		t.Logf("kill %d at %v: %d journals, %d of %d bytes", k, moment.Round(time.Millisecond), len(held), size(held), whole)
		switch {
		case err == nil: // too late
		case stderr.Len() > 0:
			t.Fatalf("kill %d: %v\n%s", k, err, stderr)
		default:
			landed++
		}
		if size(held) == whole { // nothing left to search: the next kills are for another
			finish()
		}
	}
	finish()
	if landed == 0 {
		t.Error("no kill came in time")
	}
}

// next returns the arguments that begin the study in dir or go on with it.
func next(dir, trials string) []string {
	if _, err := os.Stat(filepath.Join(dir, "plan.json")); err != nil {
		return searchArgs(dir, trials)
	}
	return []string{"resume", dir, "--quiet"}
}

// grown checks that the finished lines of the journals in dir begin as they
// did before, and returns them.
func grown(t *testing.T, dir string, before map[string][]byte) map[string][]byte {
	t.Helper()
	now := map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		now[filepath.Base(f)] = b[:bytes.LastIndexByte(b, '\n')+1]
	}
	for name, b := range before {
		if !bytes.HasPrefix(now[name], b) {
			t.Fatalf("%s: %d bytes of finished trials are no longer how the file begins", name, len(b))
		}
	}
	return now
}

func size(files map[string][]byte) int {
	n := 0
	for _, b := range files {
		n += len(b)
	}
	return n
}

// equal checks that two studies hold the same, but for the name of the folder
// and, in the report, the hint that names it.
func equal(t *testing.T, a, b string) {
	t.Helper()
	read := func(dir string) map[string]string {
		all := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			name, _ := filepath.Rel(dir, path)
			all[name] = strings.ReplaceAll(string(text), filepath.ToSlash(dir), "STUDY")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	x, y := read(a), read(b)
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%s: differs: %d and %d bytes", name, len(x[name]), len(y[name]))
		}
	}
	for name := range y {
		if _, ok := x[name]; !ok {
			// What a process leaves that is killed between making a file and naming it.
			if strings.Contains(name, ".tmp-") {
				t.Logf("left behind: %s", name)
				continue
			}
			t.Errorf("%s: only in the study that was killed", name)
		}
	}
}

// TestInterrupt stops a study as Ctrl-C does: at once, with a message that
// says how to go on, which works.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes cannot be interrupted so")
	}
	dir := filepath.Join(t.TempDir(), "a study")
	var args []string
	for _, a := range searchArgs(dir, "30000") { // long enough to be interrupted for sure
		if a != "--quiet" {
			args = append(args, a)
		}
	}
	cmd, stderr := mixmatch(args...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := false; !begun; time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
		begun = len(files) > 0
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("%v, want exit code 130\n%s", err, stderr)
	}
	if want := "mixmatch resume " + report.Quote(dir); !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
		t.Errorf("stderr %q does not contain %q, or stdout is not empty: %q", stderr, want, &stdout)
	}
	held := grown(t, dir, nil)
	cmd, stderr = mixmatch("resume", dir, "--quiet")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 130) {
		t.Fatalf("%v\n%s", err, stderr)
	}
	grown(t, dir, held)
}
