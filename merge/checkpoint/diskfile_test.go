package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestDiskFiles reads more files side by side than may be open at a time.
func TestDiskFiles(t *testing.T) {
	dir := t.TempDir()
	var files []*DiskFile
	for i := range 3 * handles.most {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte{byte(i), byte(i >> 8)}, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := OpenDisk(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, d)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, d := range files {
				var b [2]byte
				if err := ReadFull(d, b[:], 0); err != nil || int(b[0])|int(b[1])<<8 != i {
					t.Errorf("file %d: got %v, %v", i, b, err)
				}
			}
		})
	}
	wg.Wait()
	if n := handles.open.Len(); n > handles.most {
		t.Errorf("%d files are open; want at most %d", n, handles.most)
	}
	for _, d := range files {
		if err := d.Changed(); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := handles.open.Len(); n != 0 {
		t.Errorf("%d files are still open", n)
	}
}

// TestDiskFileReplaced reads a file that was closed to make room and replaced
// meanwhile.
func TestDiskFileReplaced(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"other size": func(path string) error { return os.WriteFile(path, []byte("longer"), 0o600) },
		"gone":       os.Remove,
		"other time": func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
		"other file": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path+"2", []byte("text"), 0o600); err != nil {
				return err
			}
			if err := os.Chtimes(path+"2", time.Time{}, info.ModTime()); err != nil {
				return err
			}
			return os.Rename(path+"2", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := OpenDisk(path)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			handles.Lock()
			makeRoom(0)
			handles.Unlock()
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if _, err := d.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrChanged) {
				t.Errorf("reads: %v", err)
			}
			if err := d.Changed(); !errors.Is(err, ErrChanged) {
				t.Errorf("not changed: %v", err)
			}
		})
	}
}
