//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestSignals stops a study by each signal that asks a program to end. All end it
// as Ctrl-C does, and it can be resumed.
func TestSignals(t *testing.T) {
	for _, sign := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		dir := filepath.Join(t.TempDir(), "s")
		cmd, stderr := mixmatch(searchArgs(dir, "30000")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for begun := false; !begun; time.Sleep(10 * time.Millisecond) {
			files, _ := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
			begun = len(files) > 0
		}
		if err := cmd.Process.Signal(sign); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
			t.Errorf("%v: %v, want exit code 130\n%s", sign, err, stderr)
		}
		if left := strays(dir); len(left) > 0 {
			t.Errorf("%v: left behind: %q", sign, left)
		}
		grown(t, dir, nil)
	}
}

// TestClosedPipe prints to a program that has read enough: silence, and the end
// that the system has for it.
func TestClosedPipe(t *testing.T) {
	model := filepath.Join(os.Getenv(familyVariable), "OpenBra.safetensors")
	other := filepath.Join(os.Getenv(familyVariable), "sxd_10Pruned.safetensors")
	for _, args := range [][]string{
		{"inspect", "--json", model},
		{"compare", "--json", "--metric", "weight", model, other},
		{"inspect", "--blocks", model},
		{"--help"},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd, stderr := mixmatch(args...)
		cmd.Stdout = w
		err = cmd.Run()
		w.Close()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE || stderr.Len() > 0 {
			t.Errorf("%q: %v, %q; want SIGPIPE and nothing said", args, err, stderr)
		}
	}
}
