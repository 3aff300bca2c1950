//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSpecial replaces nothing that is no file. None of it may hang.
func TestSpecial(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{dir, pipe, os.DevNull} {
		if _, err := Create(path, 0, true); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v; want ErrExist", path, err)
		}
	}
}

// TestCreateLink checks that a link is replaced, and never what it leads to:
// download caches are made of links to files that many names share.
func TestCreateLink(t *testing.T) {
	dir := t.TempDir()
	blob, link := filepath.Join(dir, "blob"), filepath.Join(dir, "m.safetensors")
	if err := WriteFile(blob, []byte("the old file")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("blob", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(link, 0, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v; want ErrExist", err)
	}
	w, err := Create(link, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(blob); string(b) != "the old file" {
		t.Errorf("the link's target is now %q", b)
	}
	if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link is still there: %v", err)
	}
}

// TestPermission checks that files get the rights that new files get here.
func TestPermission(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "b"), nil); err != nil {
		t.Fatal(err)
	}
	a, _ := os.Stat(filepath.Join(dir, "a"))
	b, _ := os.Stat(filepath.Join(dir, "b"))
	if a.Mode() != b.Mode() {
		t.Errorf("got %v; want %v", b.Mode(), a.Mode())
	}
}

// TestFull writes to a device that is always full.
func TestFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "m")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	removed := ""
	d := system()
	d.create = func(string) (handle, error) {
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		return &eagerFile{File: f}, err
	}
	d.hold = func(string) (func(), bool) { return func() {}, true }
	d.remove = func(path string) error { removed = path; return nil }
	f, err := d.begin(path, 1<<20, true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(make([]byte, 1<<20))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v; want ENOSPC", err)
	}
	if !strings.Contains(removed, ".m.tmp-") {
		t.Errorf("removed %q", removed)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the old file is now %q", b)
	}
}

// TestSpecialLink refuses to replace a link to something that is no file, as
// /dev/stdout is.
func TestSpecialLink(t *testing.T) {
	dir := t.TempDir()
	for name, target := range map[string]string{"null": "/dev/null", "folder": dir} {
		link := filepath.Join(dir, name)
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(link, 0, true); !errors.Is(err, fs.ErrExist) {
			t.Errorf("link to %s: %v", target, err)
		}
		if got, err := os.Readlink(link); err != nil || got != target {
			t.Errorf("link to %s became %q, %v", target, got, err)
		}
	}
}

// TestSweep removes what killed writers of the same file left, and nothing else:
// not what is being written, here or by another process.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	const end = "0123456789abc"
	keep := []string{".b.x.tmp-" + end, "a[1].x.tmp-" + end, ".a1.x.tmp-" + end, ".a[1].x.tmp-old", ".a[1].x.tmp-" + end + "d"}
	for _, name := range append(keep, ".a[1].x.tmp-"+end) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "a[1].x")
	one, err := Create(path, 3, true)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(left(t, dir)); n != len(keep)+1 {
		t.Errorf("%q; want %q and a new one", left(t, dir), keep)
	}
	two, err := Create(path, 3, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("three")); err != nil {
		t.Fatal(err)
	}
	for i, f := range []*File{one, two} {
		if _, err := f.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(); err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if n := len(left(t, dir)); n != len(keep)+1 {
		t.Errorf("%q; want %q and the file", left(t, dir), keep)
	}
}

// TestSweepLost creates files while another sweeps them away before they are
// locked: that is seen, and another name is taken.
func TestSweepLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	d := system()
	lost := 0
	d.hold = func(name string) (func(), bool) {
		if lost++; lost <= 3 {
			removeLeft(name, false)
		}
		return hold(name)
	}
	if err := d.writeFile(path, []byte("text")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); string(b) != "text" || lost != 4 {
		t.Errorf("%q, %v after %d times", b, err, lost)
	}
}
