package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// left returns the names in dir.
func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCreateExisting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, 0, false); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v; want ErrExist", err)
	}
	if _, err := Create(dir, 0, true); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a directory: got %v; want ErrExist", err)
	}
	if _, err := Create(filepath.Join(dir, "no", "m"), 0, true); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), ".tmp-") {
		t.Errorf("no folder: got %v; want ErrNotExist", err)
	}
	if names := left(t, dir); len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}

	// A file that appears while we write is not replaced either.
	f, err := Create(filepath.Join(dir, "new"), 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v; want ErrExist", err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "new")); string(b) != "theirs" {
		t.Errorf("replaced by %q", b)
	}
	if names := left(t, dir); len(names) != 2 {
		t.Errorf("left behind: %q", names)
	}
}

func TestLength(t *testing.T) {
	for _, n := range []int{0, 3, 5, 1 << 20} {
		dir := t.TempDir()
		f, err := Create(filepath.Join(dir, "m"), 4, false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(make([]byte, n))
		if (err != nil) != (n > 4) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err := f.Commit(); err == nil {
			t.Errorf("%d bytes: committed", n)
		}
		if names := left(t, dir); len(names) != 0 {
			t.Errorf("%d bytes: left behind: %q", n, names)
		}
		if _, err := f.Write([]byte{0}); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after an error: %v; want ErrClosed", err)
		}
		f.Abort()
	}
}

func TestEnds(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("名", 80)) // 240 bytes: no room for a suffix
	f, err := Create(path, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if names := left(t, dir); len(names) != 1 || !strings.HasPrefix(names[0], ".名") || !strings.Contains(names[0], ".tmp-") {
		t.Errorf("temporary name: %q", names)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if err := f.Commit(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Commit: %v; want ErrClosed", err)
	}
	if _, err := f.Write(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Commit: %v; want ErrClosed", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("gone: %v", err)
	}
	if f, err = Create(path, 0, true); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	f.Abort()
	if names := left(t, dir); len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plan.json")
	for _, text := range []string{"one", "", "three and more"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("got %q, %v; want %q", b, err, text)
		}
	}
	if err := WriteFile(dir, nil); err == nil {
		t.Error("replaces a directory")
	}
	if names := left(t, dir); len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}
}

// TestRewrite writes over the beginning, the middle and the end of what is written, also
// of what is still kept back, and of a file that is brought to the disk bit by bit.
func TestRewrite(t *testing.T) {
	for _, size := range []int{10, 300_000, 3*eagerness + 5} {
		path := filepath.Join(t.TempDir(), "m")
		f, err := Create(path, int64(size), false)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Abort()
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i >> 8)
		}
		half := size / 2
		rewrite := func(at int) {
			if err := f.Rewrite([]byte("new"), int64(at)); err != nil {
				t.Fatal(err)
			}
			copy(want[at:], "new")
		}
		if _, err := f.Write(want[:half]); err != nil {
			t.Fatal(err)
		}
		rewrite(0)
		rewrite(half - 3)
		if _, err := f.Write(want[half:]); err != nil {
			t.Fatal(err)
		}
		rewrite(half - 1)
		rewrite(size - 3)
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: not what was written: %v", size, err)
		}
	}
	for _, at := range []int64{-1, 8, 9, 1 << 40} {
		dir := t.TempDir()
		f, err := Create(filepath.Join(dir, "m"), 20, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if err := f.Rewrite([]byte("new"), at); err == nil {
			t.Errorf("rewrote bytes from %d on of 10", at)
		}
		if names := left(t, dir); len(names) != 0 {
			t.Errorf("left behind: %q", names)
		}
	}
}
