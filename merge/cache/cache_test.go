package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestGetPut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	c := Open(dir)
	if _, ok := c.Get("hash", "a"); ok {
		t.Error("an empty cache has something")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is made before anything is kept")
	}
	c.Put("hash", "a", []byte("one"))
	c.Put("hash", "b", nil)
	c.Put("sum", "a", []byte("two"))
	c.Put("hash", "a", []byte("three"))
	for _, c := range []*Cache{c, Open(dir)} {
		for _, tt := range []struct{ kind, key, want string }{{"hash", "a", "three"}, {"hash", "b", ""}, {"sum", "a", "two"}} {
			if got, ok := c.Get(tt.kind, tt.key); !ok || string(got) != tt.want {
				t.Errorf("%s %s: got %q, %v; want %q", tt.kind, tt.key, got, ok, tt.want)
			}
		}
		if _, ok := c.Get("sum", "b"); ok {
			t.Error("got what nobody put")
		}
	}
}

// TestLarge writes and reads entries piece by piece.
func TestLarge(t *testing.T) {
	c := Open(t.TempDir())
	c.limit = 2000
	write := func(key string, n int, failure error) {
		c.Write("sum", key, func(w io.Writer) error {
			for range n {
				if _, err := w.Write([]byte("0123456789")); err != nil {
					return err
				}
			}
			return failure
		})
	}
	write("a", 3, nil)
	write("failed", 3, errors.New("no more"))
	write("fits", 100, nil)
	write("large", 101, nil)
	for key, want := range map[string]int{"a": 30, "failed": -1, "fits": 1000, "large": -1} {
		got, ok := c.Get("sum", key)
		if ok != (want >= 0) || ok && len(got) != want {
			t.Errorf("%s: %d bytes, %v; want %d", key, len(got), ok, want)
		}
	}
	c.Put("sum", "put", []byte("one"))
	write("put", 50, errors.New("no more")) // leaves what was there
	var got []byte
	if ok := c.Read("sum", "put", func(r io.Reader) (err error) {
		got, err = io.ReadAll(r)
		return err
	}); !ok || string(got) != "one" {
		t.Errorf("got %q, %v", got, ok)
	}
	if c.Read("sum", "put", func(io.Reader) error { return io.EOF }) {
		t.Error("what cannot be read is a hit")
	}
	files, err := os.ReadDir(c.dir)
	if err != nil || len(files) != 3 {
		t.Errorf("%d files are left, %v", len(files), err)
	}
}

func TestNoCache(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Cache{nil, Open(""), Open(file), Open(filepath.Join(file, "below"))} {
		c.Put("hash", "a", []byte("one"))
		if _, ok := c.Get("hash", "a"); ok {
			t.Error("got something of no cache")
		}
	}
}

// TestDamage changes each byte of an entry, cuts it off everywhere, and puts others in
// its place. All of those are misses, and are replaced.
func TestDamage(t *testing.T) {
	c := Open(t.TempDir())
	c.Put("hash", "a", []byte("data"))
	c.Put("hash", "b", []byte("data"))
	whole, err := os.ReadFile(c.path("hash", "a"))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(c.path("hash", "b"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{nil, foreign, []byte("something else"), bytes.Repeat([]byte{0}, 1000), append(bytes.Clone(whole), 0)}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		damaged = append(damaged, whole[:i], flipped)
	}
	for i, b := range damaged {
		if err := os.WriteFile(c.path("hash", "a"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Get("hash", "a"); ok {
			t.Errorf("damage %d: got %q", i, got)
		}
	}
	c.Put("hash", "a", []byte("new"))
	if got, ok := c.Get("hash", "a"); !ok || string(got) != "new" {
		t.Errorf("after the damage: got %q, %v", got, ok)
	}
}

func TestLimit(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	foreign, left := filepath.Join(dir, "notes.txt"), filepath.Join(dir, unfinished+"1")
	for _, path := range []string{foreign, left} {
		if err := os.WriteFile(path, make([]byte, 5000), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	c := Open(dir)
	c.limit = 10_000
	for i := range 9 {
		key := fmt.Sprint(i)
		c.Put("hash", key, make([]byte, 1000))
		at := old.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(c.path("hash", key), at, at); err != nil {
			t.Fatal(err)
		}
	}
	c.Get("hash", "0") // so it is not the one used longest ago
	c.Put("hash", "9", make([]byte, 1000))
	var kept []string
	for i := range 10 {
		if _, ok := c.Get("hash", fmt.Sprint(i)); ok {
			kept = append(kept, fmt.Sprint(i))
		}
	}
	if got, want := strings.Join(kept, " "), "0 3 4 5 6 7 8 9"; got != want {
		t.Errorf("kept %s; want %s", got, want)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file of somebody else: %v", err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed program left is still there")
	}
	c.Put("hash", "large", make([]byte, 6000))
	if _, ok := c.Get("hash", "large"); ok {
		t.Error("kept what is more than half of the limit")
	}
}

// TestSeveral has many writers and readers of one entry, each with a cache of its own,
// as processes have.
func TestSeveral(t *testing.T) {
	dir := t.TempDir()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			c := Open(dir)
			c.limit = 300_000
			for range 50 {
				c.Put("hash", "a", bytes.Repeat([]byte{byte(i)}, 100_000))
				if b, ok := c.Get("hash", "a"); ok && (len(b) != 100_000 || b[0] != b[99_999]) {
					t.Error("got a mixture")
				}
			}
		})
	}
	wait.Wait()
}

func TestFileKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	key := func(content string, age time.Duration) (string, bool) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(1_700_000_000, 123_456_789)
		if age != 0 {
			at = time.Now().Add(-age)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return FileKey(path, info)
	}
	first, ok := key("one", 0)
	if !ok {
		t.Fatal("an old file has no key")
	}
	if longer, ok := key("three", 0); !ok || longer == first {
		t.Errorf("another size: %s, %v", longer, ok)
	}
	if later, ok := key("one", time.Minute); !ok || later == first {
		t.Errorf("another time: %s, %v", later, ok)
	}
	for _, age := range []time.Duration{time.Second, -time.Hour} {
		if k, ok := key("one", age); ok {
			t.Errorf("changed %v ago: %s", age, k)
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := FileKey(dir, info); ok {
		t.Errorf("a folder: %s", k)
	}
}

func TestFolder(t *testing.T) {
	t.Setenv(Variable, filepath.Join("some", "where"))
	if got, want := Folder(), filepath.Join("some", "where"); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	t.Setenv(Variable, Off)
	if got := Folder(); got != "" {
		t.Errorf("off: got %s", got)
	}
	t.Setenv(Variable, "")
	if dir, err := os.UserCacheDir(); err == nil {
		if got, want := Folder(), filepath.Join(dir, "mixmatch"); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}
