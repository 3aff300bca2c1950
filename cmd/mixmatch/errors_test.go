package main

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

// TestExitCode: what a disk or a network fails at is exit code 8, however far down.
func TestExitCode(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ESTALE, syscall.ENOSPC, syscall.EACCES} {
		read := &fs.PathError{Op: "read", Path: "m.safetensors", Err: errno}
		if got := exitCode(fmt.Errorf(`tensor "a": %w`, read)); got != 8 {
			t.Errorf("%v: exit code %d, want 8", errno, got)
		}
	}
}
