package durable

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestReplaceOpen replaces a file that somebody has open: Windows lets nobody do so
// before it is closed, and then it is whole, as it was or as it is to be.
func TestReplaceOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.json")
	content := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = WriteFile(path, []byte("new"))
	want := "new"
	if runtime.GOOS == "windows" {
		if want = "old"; err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v", err)
		}
	} else if err != nil {
		t.Error(err)
	}
	if got := content(); got != want {
		t.Errorf("it holds %q; want %q", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	// Closed in a moment, as a virus scanner does.
	time.AfterFunc(200*time.Millisecond, func() { reader.Close() })
	if err := WriteFile(path, []byte("newer")); err != nil {
		t.Error(err)
	}
	if got := content(); got != "newer" {
		t.Errorf("it holds %q", got)
	}
}
