package live

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzInside never leads out of the folder.
func FuzzInside(f *testing.F) {
	root := f.TempDir()
	for _, d := range []string{"served/a/b", "beside"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o777); err != nil {
			f.Fatal(err)
		}
	}
	served := filepath.Join(root, "served")
	_ = os.Symlink(filepath.Join(root, "beside"), filepath.Join(served, "out"))
	_ = os.Symlink("b", filepath.Join(served, "a", "in"))
	_ = os.Symlink("loop", filepath.Join(served, "loop"))
	s, err := New(Options{Dir: served})
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{".", "", "a", "a/in", "out", "out/x", "../beside", "a/../../beside", "/etc", "a\x00b", `a\..\..\b`, "C:x", "loop", "a//b", "a/./b", "new"} {
		f.Add(name, true)
		f.Add(name, false)
	}
	f.Fuzz(func(t *testing.T, name string, toMake bool) {
		path, err := s.inside(name, toMake)
		if err != nil {
			return
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil { // to be made: its folder is there
			real, err = filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				t.Fatalf("%q: %v", name, err)
			}
		}
		if real != s.root && !strings.HasPrefix(real, s.root+string(filepath.Separator)) {
			t.Fatalf("%q leads to %s, outside of %s", name, real, s.root)
		}
	})
}

// FuzzPlainName takes what stays a file of a folder.
func FuzzPlainName(f *testing.F) {
	for _, name := range []string{"tuned", "a b", "..", ".", "a/b", `a\b`, "a:b", "", "a.", " a", "a\n", "x\u202ey", "CON", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if plainName(name) != nil {
			return
		}
		if dir, file := filepath.Split(filepath.Join("/x", name)); file != name || filepath.Clean(dir) != filepath.Clean("/x") {
			t.Fatalf("%q is more than the name of a file", name)
		}
	})
}
