//go:build unix

package safetensors

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mixmatch/merge/checkpoint"
)

// TestOpenSpecial opens what is no file. None of it may hang.
func TestOpenSpecial(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	for path, say := range map[string]string{dir: "a folder", pipe: "a pipe", os.DevNull: "a device"} {
		f, err := Open(path)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, checkpoint.ErrFormat) || !strings.HasPrefix(err.Error(), path+": "+say) {
			t.Errorf("%s: got %v; want %q", path, err, say)
		}
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(loop); !errors.Is(err, syscall.ELOOP) || errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("loop: got %v; want ELOOP", err)
	}
}

// TestOpenLink opens a model through a link, as download caches have them.
func TestOpenLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "m.safetensors")
	if err := os.WriteFile(filepath.Join(dir, "blob"), withHeader("{}", 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("blob", link); err != nil {
		t.Fatal(err)
	}
	f, err := Open(link)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
