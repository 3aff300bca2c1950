package merge_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/cache"
)

// The digests were computed with sha256sum: of the file, of its bytes
// 0x100000 to 0x10ffff, and of what follows the first 8+16 bytes.
func TestHashFile(t *testing.T) {
	header := "\x10\x00\x00\x00\x00\x00\x00\x00" + `{              }`
	for _, c := range []struct {
		name, content         string
		whole, legacy, hashed string
	}{
		{
			"small", header + "abc",
			"059a9253e7089c2da48aac9caab6caeec04e71fbbe2300a4ae7842e0c7cb0714", "e3b0c442", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		},
		{
			"large", header + strings.Repeat("0123456789abcdef", 80000),
			"3bab51fc37063157495cb92f878e79b8f5ba6e2b399f10de1ecd7f1fd66b5fb5", "23cf03d6", "dce53934f9d8eb59128a18267ba58583230a779dbcca3e5f55aa3d3d8b5ba494",
		},
		{
			"no safetensors", "PK\x03\x04 and so on",
			"07c91ef371369d7f7966c89d2ace0a9fb1c45614d5b590bca58115d929f49bfd", "e3b0c442", "",
		},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(path, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		var done int64
		h, err := merge.HashFile(t.Context(), path, func(n int64) { done = n })
		if err != nil {
			t.Fatal(err)
		}
		if want := (merge.Hash{SHA256: c.whole, Legacy: c.legacy, Content: c.hashed}); h != want {
			t.Errorf("%s: %+v, want %+v", c.name, h, want)
		}
		if h.Short() != c.whole[:10] || done != int64(len(c.content)) {
			t.Errorf("%s: short %s, %d bytes done", c.name, h.Short(), done)
		}
	}
}

func TestHashFileStops(t *testing.T) {
	path := sketch{}.Write(t, "A")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := merge.HashFile(ctx, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := merge.HashFile(t.Context(), path+".not", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestHashKnown changes a file behind the back of its time, which only what was
// kept can fail to see, and then in the open.
func TestHashKnown(t *testing.T) {
	path := sketch{}.Write(t, "A")
	then := time.Now().Add(-time.Hour)
	touch := func(at time.Time) {
		t.Helper()
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	touch(then)
	known := cache.Open(t.TempDir())
	hash := func(known *cache.Cache) (h merge.Hash, read bool) {
		t.Helper()
		m, err := merge.OpenModel("A", path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		h, err = merge.HashKnown(t.Context(), m.File, known, func(int64) { read = true })
		if err != nil {
			t.Fatal(err)
		}
		return h, read
	}
	whole, err := merge.HashFile(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := merge.Hash{SHA256: whole.SHA256, Legacy: whole.Legacy}
	for i, known := range []*cache.Cache{nil, known, known, nil} {
		if got, read := hash(known); got != want || read != (i != 2) {
			t.Errorf("%d: got %v, read %v; want %v", i, got, read, want)
		}
	}
	touch(then.Add(time.Second))
	if got, read := hash(known); got != want || !read {
		t.Errorf("touched: got %v, read %v", got, read)
	}
	touch(time.Now())
	hash(known)
	if _, read := hash(known); !read {
		t.Error("kept the hash of a file that was changed just now")
	}
}
