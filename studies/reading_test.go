package studies

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// unread makes the study in dir one that has read nothing, and returns its products.
func unread(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, productsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, productsFile)); err != nil {
		t.Fatal(err)
	}
	return text
}

// read runs the study in dir, until so much is read of what there is to read if most
// is below 1, and returns how many bytes that was.
func read(t *testing.T, dir string, most float64) (total int64, err error) {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = s.Run(ctx, Options{Threads: 1, Progress: func(p Progress) {
		if p.Stage == "reading" {
			if total = p.Total; float64(p.Done) > most*float64(p.Total) {
				cancel()
			}
		}
	}})
	return total, err
}

// TestInterruptedReading stops readings and goes on with them.
func TestInterruptedReading(t *testing.T) {
	dir, paths := begun(t)
	want := unread(t, dir)
	part := filepath.Join(dir, readingFile)
	first, err := read(t, dir, 0.5)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, kept[:len(kept)-7], 0o600); err != nil { // a line cut short
		t.Fatal(err)
	}
	second, err := read(t, dir, 0.5)
	if !errors.Is(err, context.Canceled) || second > first*6/10 {
		t.Fatalf("%d bytes to read, then %d; %v", first, second, err)
	}
	third, err := read(t, dir, 1)
	if err != nil || third > second*6/10 {
		t.Fatalf("then %d; %v", third, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, productsFile)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("other products than without a stop (%v)", err)
	}
	if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was kept on the way is still there: %v", err)
	}

	// What was read of files that were touched since does not count; damage is said.
	unread(t, dir)
	if _, err := read(t, dir, 0.5); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	touch(t, paths["B"])
	if total, err := read(t, dir, 0.5); !errors.Is(err, context.Canceled) || total != first {
		t.Errorf("%d bytes to read after a touch, not %d: %v", total, first, err)
	}
	text, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{20, len(text) / 2} {
		text[at] ^= 1
		if err := os.WriteFile(part, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(t, dir, 1); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: %v", at, err)
		}
		text[at] ^= 1
	}
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	if total, err := read(t, dir, 1); err != nil || total != first {
		t.Errorf("%d bytes to read anew, not %d: %v", total, first, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, productsFile)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("other products than without a stop (%v)", err)
	}
}
