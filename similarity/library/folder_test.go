package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"mixmatch/merge/block"
	"mixmatch/similarity/fingerprint"
)

// made returns a small made-up fingerprint: one section, whose numbers follow from n.
func made(n int) *fingerprint.Fingerprint {
	sums := make([]float32, fingerprint.Buckets)
	for i := range sums {
		sums[i] = float32((i*7+n*13)%101) - 50
	}
	name := fmt.Sprintf("model %d", n)
	return &fingerprint.Fingerprint{
		Card: fingerprint.Card{Name: name, Bytes: int64(1000 + n), Licence: "CC0", Page: "https://example.org/" + name, SHA256: strings.Repeat("ab", 32)},
		Arch: block.SD1, Content: fmt.Sprintf("%064x", n+1),
		Sections: []fingerprint.Section{{
			Name: "M00", Key: "a.weight", Len: 10, Part: block.UNet, Floor: 1, Half: 2,
			Tensors: []fingerprint.Tensor{{Seed: 5, Len: 10, Norm: 3}}, Sums: sums,
		}},
	}
}

func opened(t testing.TB, dir string) *Folder {
	t.Helper()
	l, err := OpenFolder(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// filled returns a new library with n records.
func filled(t testing.TB, n int) (dir string, l *Folder) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "lib")
	l = opened(t, dir)
	add(t, l, 0, n)
	return dir, l
}

// add adds those from one number up to another.
func add(t testing.TB, l *Folder, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if added, err := l.Add(t.Context(), made(n)); err != nil || !added {
			t.Fatalf("%d: %v, %v", n, added, err)
		}
	}
}

// names returns those of all entries.
func names(l Library) (all []string, err error) {
	err = l.Entries(context.Background(), func(e *Entry) error {
		all = append(all, e.Name)
		return nil
	})
	return all, err
}

// holds checks that the library in dir, opened anew, has just those of some numbers, in
// that order, as they were.
func holds(t *testing.T, dir string, numbers ...int) {
	t.Helper()
	l, err := OpenFolder(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, err := names(l)
	if err != nil {
		t.Fatal(err)
	}
	var want, contents []string
	for _, n := range numbers {
		want = append(want, made(n).Name)
		contents = append(contents, made(n).Content)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	slices.Reverse(contents)
	i := 0
	err = l.Load(t.Context(), contents, func(f *fingerprint.Fingerprint) error {
		a, _ := f.Append(nil)
		b, _ := made(numbers[i]).Append(nil)
		if i++; !slices.Equal(a, b) {
			t.Errorf("%s is not what was added", f.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := l.Check(t.Context(), func(text string) { t.Error(text) }); n != len(numbers) || err != nil {
		t.Errorf("checked %d: %v", n, err)
	}
}

func TestFolder(t *testing.T) {
	dir, l := filled(t, 5)
	holds(t, dir, 0, 1, 2, 3, 4)
	if added, err := l.Add(t.Context(), made(3)); added || err != nil {
		t.Errorf("twice: %v, %v", added, err)
	}
	for n, want := range []bool{true, true, true, true, true, false} {
		if has, err := l.Has(t.Context(), made(n).Content); has != want || err != nil {
			t.Errorf("%d: %v, %v", n, has, err)
		}
	}
	err := l.Load(t.Context(), []string{made(1).Content, made(9).Content}, func(*fingerprint.Fingerprint) error { return nil })
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
	// The entries are those of the fingerprints.
	n := 0
	err = l.Entries(t.Context(), func(e *Entry) error {
		want := EntryOf(made(n))
		if n++; *e.Coarse != *want.Coarse || e.Card != want.Card || e.Content != want.Content || e.Arch != want.Arch {
			t.Errorf("%+v, want %+v", e, want)
		}
		return nil
	})
	if err != nil || n != 5 {
		t.Errorf("%d entries: %v", n, err)
	}
	stop := errors.New("enough")
	if err := l.Entries(t.Context(), func(*Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("use's own error: %v", err)
	}
	holds(t, dir, 0, 1, 2, 3, 4)
}

// TestRefused opens what is no library, or one that is not known.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenFolder(filepath.Join(dir, "none"), false); !errors.Is(err, ErrMissing) {
		t.Errorf("none: %v", err)
	}
	if _, err := OpenFolder(dir, false); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty folder: %v", err)
	}
	other := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(other, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir, true); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), `"a.txt"`) {
		t.Errorf("a folder of something else: %v", err)
	}
	if _, err := OpenFolder(other, true); err == nil {
		t.Error("a file is taken for a library")
	}
	lib, _ := filled(t, 2)
	path := filepath.Join(lib, dataFile)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		b    string
		want error
	}{
		{"version 2", strings.Replace(string(sound), "library 1\n", "library 2\n", 1), ErrVersion},
		{"version 10", "mixmatch library 10\nand so on", ErrVersion},
		{"something else", "PK\x03\x04", ErrDamaged},
		{"nothing", "", ErrDamaged},
		{"cut", string(sound[:dataStart-1]), ErrDamaged},
		{"flipped", string(sound[:25]) + "\xff" + string(sound[26:]), ErrDamaged},
	} {
		if err := os.WriteFile(path, []byte(c.b), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, create := range []bool{false, true} {
			_, err := OpenFolder(lib, create)
			if !errors.Is(err, c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != c.b {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
}

// TestConcurrent adds the same models from several openings at once, as processes do.
func TestConcurrent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lib")
	var wait sync.WaitGroup
	var mu sync.Mutex
	added := map[int]int{}
	for range 4 {
		wait.Go(func() {
			l, err := OpenFolder(dir, true)
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			for n := range 20 {
				is, err := l.Add(context.Background(), made(n))
				if err != nil {
					t.Error(err)
				}
				if all, err := names(l); err != nil || len(all) == 0 {
					t.Errorf("%d entries: %v", len(all), err)
				}
				if is {
					mu.Lock()
					added[n]++
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	for n := range 20 {
		if added[n] != 1 {
			t.Errorf("%d was added %d times", n, added[n])
		}
	}
	l := opened(t, dir)
	all, err := names(l)
	slices.Sort(all)
	if err != nil || len(slices.Compact(all)) != 20 {
		t.Errorf("%d names: %v", len(all), err)
	}
	if n, err := l.Check(t.Context(), func(text string) { t.Error(text) }); n != 20 || err != nil {
		t.Errorf("checked %d: %v", n, err)
	}
}

// TestReadOnly reads a library in a folder that may not be written to, with an index and
// without.
func TestReadOnly(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("everything may be written to")
	}
	dir, _ := filled(t, 3)
	for _, remove := range []bool{false, true} {
		if remove {
			if err := os.Remove(filepath.Join(dir, indexFile)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{dataFile, indexFile, lockFile} {
			_ = os.Chmod(filepath.Join(dir, name), 0o400)
		}
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		holds(t, dir, 0, 1, 2)
		if _, err := opened(t, dir).Add(t.Context(), made(7)); !errors.Is(err, os.ErrPermission) {
			t.Errorf("added: %v", err)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOwnIndex is what [TestReadOnly] is, for those who may write everywhere.
func TestOwnIndex(t *testing.T) {
	dir, writer := filled(t, 3)
	l := opened(t, dir)
	l.fixed = errors.New("read only")
	if err := os.Truncate(filepath.Join(dir, indexFile), 1000); err != nil {
		t.Fatal(err)
	}
	if all, err := names(l); err != nil || len(all) != 3 || !l.own {
		t.Fatalf("%q: %v", all, err)
	}
	if info, err := os.Stat(filepath.Join(dir, indexFile)); err != nil || info.Size() != 1000 {
		t.Errorf("the index was written to: %v, %v", info, err)
	}
	add(t, writer, 3, 5)
	if all, err := names(l); err != nil || len(all) != 5 {
		t.Fatalf("%q: %v", all, err)
	}
	if _, err := l.Add(t.Context(), made(8)); err == nil {
		t.Error("added to what is read only")
	}
	holds(t, dir, 0, 1, 2, 3, 4)
	temporary := l.index.Name()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(temporary); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", temporary)
	}
}
