// Package cache keeps what was computed from files, such as their hashes, in a
// folder of the user's, for the next time that it is asked for.
//
// A cache is a help and never a hindrance: what it cannot find, read, understand
// or write is a miss, and no error. So a nil [Cache] is one that holds nothing, and
// what is in the folder may be removed at any time. Several processes may use one
// folder at once.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limit is how many bytes a cache keeps; beyond it those entries go that were used
// longest ago.
const Limit = 2 << 30

// Variable names the environment variable that says where the user's cache is, or
// that there is to be none: [Off].
const (
	Variable = "MIXMATCH_CACHE"
	Off      = "off"
)

// Folder returns the user's cache folder, which need not exist: the one that
// [Variable] says, or that of the system for the user. It is "" if there is none.
func Folder() string {
	switch dir := os.Getenv(Variable); dir {
	case "":
	case Off:
		return ""
	default:
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "mixmatch")
}

// A Cache is a folder of entries. Its methods may be used concurrently, and nil is
// a cache that holds nothing.
type Cache struct {
	dir   string
	limit int64

	mu      sync.Mutex
	counted bool
	size    int64 // of the entries, as far as this process knows, once counted
}

// Open returns the cache in the folder dir, which is made when there is something
// to keep; nil if dir is "".
func Open(dir string) *Cache {
	if dir == "" {
		return nil
	}
	return &Cache{dir: dir, limit: Limit}
}

// Get returns what was put under kind and key, and false if that is not there, or
// not whole.
func (c *Cache) Get(kind, key string) ([]byte, bool) {
	var b []byte
	ok := c.Read(kind, key, func(r io.Reader) error {
		all, err := io.ReadAll(r)
		b = all
		return err
	})
	return b, ok
}

// Read is Get for what is large: it has read read the entry, once that was found to be
// whole, and is false also if read fails.
func (c *Cache) Read(kind, key string, read func(r io.Reader) error) bool {
	if c == nil {
		return false
	}
	path := c.path(kind, key)
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if !open(f, kind, key) {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // it was used; if that cannot be noted it goes earlier
	return read(f) == nil
}

// Put keeps data under kind, a word of small letters, and key, in place of what was
// there. Key must say all that data depends on: see [FileKey] for files.
func (c *Cache) Put(kind, key string, data []byte) {
	c.Write(kind, key, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is Put for what is large: write writes the data. Nothing is kept if it fails.
func (c *Cache) Write(kind, key string, write func(w io.Writer) error) {
	if c == nil {
		return
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return
	}
	if n, ok := c.replace(kind, key, write); ok {
		c.added(n)
	}
}

// path returns the file of an entry.
func (c *Cache) path(kind, key string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + key))
	return filepath.Join(c.dir, kind+"-"+hex.EncodeToString(sum[:]))
}

// ours matches the names of entries: there may be other files in the folder.
var ours = regexp.MustCompile(`^[a-z]+-[0-9a-f]{64}$`)

// unfinished is how the names of files begin that are being written.
const unfinished = "mixmatch-unfinished-"

// replace writes an entry of so many bytes in one step. Nothing is brought to the
// disk: an entry that a crash has torn is none.
func (c *Cache) replace(kind, key string, write func(w io.Writer) error) (bytes int64, ok bool) {
	f, err := os.CreateTemp(c.dir, unfinished+"*")
	if err != nil {
		return 0, false
	}
	bytes, err = seal(f, kind, key, c.limit/2, write)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(f.Name(), c.path(kind, key))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is in nobody's way
	}
	return bytes, err == nil
}

// added counts n more bytes, and makes room if they are too many.
func (c *Cache) added(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += n; !c.counted || c.size > c.limit {
		c.counted = true
		c.size = c.sweep()
	}
}

// sweep removes the entries used longest ago while there are too many, and some
// more, so that it need not be done again at once; and what programs that were
// killed have left. It returns the size of the rest.
func (c *Cache) sweep() int64 {
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return 0
	}
	var entries []os.FileInfo
	size := int64(0)
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch {
		case ours.MatchString(f.Name()):
			entries = append(entries, info)
			size += info.Size()
		case strings.HasPrefix(f.Name(), unfinished) && time.Since(info.ModTime()) > time.Hour:
			_ = os.Remove(filepath.Join(c.dir, f.Name())) // or the next one does
		}
	}
	if size <= c.limit {
		return size
	}
	slices.SortFunc(entries, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, e := range entries {
		if size <= c.limit/10*9 {
			break
		}
		if os.Remove(filepath.Join(c.dir, e.Name())) == nil {
			size -= e.Size()
		}
	}
	return size
}
