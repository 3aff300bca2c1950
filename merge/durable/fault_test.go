package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var errInjected = errors.New("injected")

// A faulty disk is the system's with an operation that fails: the at-th, and
// all after it too if the machine is to have stopped there.
type faulty struct {
	at    int
	stops bool
	log   []string
}

// op notes an operation and returns an error if it is to fail.
func (f *faulty) op(name string) error {
	n := len(f.log)
	f.log = append(f.log, name)
	if n == f.at || f.stops && n > f.at {
		return errInjected
	}
	return nil
}

func (f *faulty) disk() disk {
	d := system()
	return disk{
		create: func(path string) (handle, error) {
			if err := f.op("create"); err != nil {
				return nil, err
			}
			h, err := d.create(path)
			return &faultyHandle{f, h}, err
		},
		hold: d.hold,
		lstat: func(path string) (fs.FileInfo, error) {
			if err := f.op("lstat"); err != nil {
				return nil, err
			}
			return d.lstat(path)
		},
		rename: func(from, to string) error {
			if err := f.op("rename"); err != nil {
				return err
			}
			return d.rename(from, to)
		},
		remove: func(path string) error {
			if err := f.op("remove"); err != nil {
				return err
			}
			return d.remove(path)
		},
		syncDir: func(dir string) error {
			if err := f.op("syncDir"); err != nil {
				return err
			}
			return d.syncDir(dir)
		},
		free: d.free,
	}
}

type faultyHandle struct {
	f *faulty
	handle
}

func (h *faultyHandle) Write(p []byte) (int, error) {
	if err := h.f.op("write"); err != nil {
		n, _ := h.handle.Write(p[:len(p)/2]) // a full disk takes a part
		return n, err
	}
	return h.handle.Write(p)
}

func (h *faultyHandle) WriteAt(p []byte, at int64) (int, error) {
	if err := h.f.op("rewrite"); err != nil {
		n, _ := h.handle.WriteAt(p[:len(p)/2], at)
		return n, err
	}
	return h.handle.WriteAt(p, at)
}

func (h *faultyHandle) Sync() error {
	if err := h.f.op("sync"); err != nil {
		return err
	}
	return h.handle.Sync()
}

func (h *faultyHandle) Close() error {
	err := h.f.op("close")
	return errors.Join(err, h.handle.Close()) // the system's is closed either way
}

// TestFaults fails each operation of writing in turn, alone and with all that
// follow it: the name always stands for the old file or the new one, and an
// error never means that something remains.
func TestFaults(t *testing.T) {
	const old = "the old file"
	long := func(d disk, path string) error {
		f, err := d.begin(path, 600_006, true)
		if err != nil {
			return err
		}
		defer f.Abort()
		for n := range 6 { // more than is kept back
			if _, err := f.Write(bytes.Repeat([]byte{byte(n)}, 100_001)); err != nil {
				return err
			}
		}
		return f.Commit()
	}
	rewritten := func(d disk, path string) error {
		f, err := d.begin(path, 600_006, true)
		if err != nil {
			return err
		}
		defer f.Abort()
		if _, err := f.Write(bytes.Repeat([]byte{1}, 600_006)); err != nil {
			return err
		}
		if err := f.Rewrite([]byte("the beginning"), 0); err != nil {
			return err
		}
		return f.Commit()
	}
	text := func(d disk, path string) error { return d.writeFile(path, []byte("the new text")) }
	for _, tt := range []struct {
		name  string
		write func(disk, string) error
		order string
	}{
		{"long", long, "lstat create write sync close lstat rename syncDir"},
		{"rewritten", rewritten, "lstat create write rewrite sync close lstat rename syncDir"},
		{"text", text, "lstat create write sync close lstat rename syncDir"},
	} {
		sound := &faulty{at: -1}
		path := filepath.Join(t.TempDir(), "m")
		if err := tt.write(sound.disk(), path); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		order := slices.Compact(slices.Clone(sound.log))
		if got := strings.Join(order, " "); got != tt.order {
			t.Errorf("%s: operations are %s", tt.name, got)
		}
		for at := range len(sound.log) {
			for _, stops := range []bool{false, true} {
				for _, existed := range []bool{false, true} {
					dir := t.TempDir()
					path := filepath.Join(dir, "m")
					if existed {
						if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
							t.Fatal(err)
						}
					}
					f := &faulty{at: at, stops: stops}
					err := tt.write(f.disk(), path)
					if !errors.Is(err, errInjected) {
						t.Errorf("%s: %s fails: got %v", tt.name, f.log[at], err)
					}
					if err != nil && !strings.HasPrefix(err.Error(), path) && f.log[at] != "lstat" {
						t.Errorf("%s: %s fails: error does not name the file: %v", tt.name, f.log[at], err)
					}
					got, err := os.ReadFile(path)
					switch done := f.log[at] == "syncDir"; {
					case done && string(got) != string(want):
						t.Errorf("%s: syncing the folder fails: %d bytes, %v", tt.name, len(got), err)
					case !done && existed && string(got) != old:
						t.Errorf("%s: %s fails: the old file is now %d bytes, %v", tt.name, f.log[at], len(got), err)
					case !done && !existed && !errors.Is(err, fs.ErrNotExist):
						t.Errorf("%s: %s fails: there are %d bytes, %v", tt.name, f.log[at], len(got), err)
					}
					for _, name := range left(t, dir) {
						// A machine that has stopped removes nothing.
						if name != "m" && !stops {
							t.Errorf("%s: %s fails: left behind: %q", tt.name, f.log[at], name)
						}
					}
				}
			}
		}
	}
}

func TestNoSpace(t *testing.T) {
	dir := t.TempDir()
	d := system()
	d.free = func(string) (int64, bool) { return 1000, true }
	_, err := d.begin(filepath.Join(dir, "m"), 1072, false)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "1072 bytes needed, 1000 free") {
		t.Errorf("got %v", err)
	}
	if names := left(t, dir); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
	if n, known := free(dir); known && n <= 0 {
		t.Errorf("%d bytes free", n)
	}
	// A petabyte is more than any disk here has.
	if _, known := free(dir); known {
		if _, err := Create(filepath.Join(dir, "m"), 1<<50, false); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("a petabyte: %v", err)
		}
	}
}
