package checkpoint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// A disk is what writing needs of the operating system. Tests make its
// operations fail.
type disk struct {
	create  func(path string) (handle, error) // must not exist
	lstat   func(path string) (fs.FileInfo, error)
	rename  func(from, to string) error
	remove  func(path string) error
	syncDir func(dir string) error
	free    func(dir string) (bytes int64, known bool)
}

type handle interface {
	io.Writer
	Sync() error
	Close() error
}

func system() disk {
	return disk{
		create: func(path string) (handle, error) {
			return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		},
		lstat:   os.Lstat,
		rename:  os.Rename,
		remove:  os.Remove,
		syncDir: syncDir,
		free:    free,
	}
}

// A temp is a file that is being written under a temporary name, in the folder
// where it is to stay: only there can it be renamed in one step.
type temp struct {
	disk
	path, name string // where it is to be, and where it is
	file       handle // nil once it is closed
	buf        *bufio.Writer
	done       bool // renamed or removed
}

// begin begins the file path, of size bytes. The folder must exist.
func (d disk) begin(path string, size int64, force bool) (*temp, error) {
	if err := d.allowed(path, force); err != nil {
		return nil, err
	}
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if have, known := d.free(dir); known && have < size {
		return nil, fmt.Errorf("%s: %w: %d bytes needed, %d free", path, syscall.ENOSPC, size, have)
	}
	base = shorten(base)
	for try := 0; ; try++ {
		name := filepath.Join(dir, "."+base+".tmp-"+strconv.FormatUint(rand.Uint64(), 36))
		file, err := d.create(name)
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, cause(err))
		}
		return &temp{disk: d, path: path, name: name, file: file, buf: bufio.NewWriterSize(file, 256<<10)}, nil
	}
}

// shorten cuts a file's name so that it leaves room for more: names may be 255
// bytes long.
func shorten(base string) string {
	if len(base) <= 200 {
		return base
	}
	n := 200
	for n > 200-utf8.UTFMax && !utf8.RuneStart(base[n]) {
		n--
	}
	return base[:n]
}

// allowed tells whether a file may be put at path. A link is not followed:
// what is replaced is the link, never what it leads to.
func (d disk) allowed(path string, force bool) error {
	info, err := d.lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s: %w: it is a directory", path, fs.ErrExist)
	case !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeSymlink:
		return fmt.Errorf("%s: %w: it is not a file that can be replaced", path, fs.ErrExist)
	case info.Mode().Type() == fs.ModeSymlink && special(path):
		return fmt.Errorf("%s: %w: it leads to something that is not a file", path, fs.ErrExist)
	case !force:
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return nil
}

// special tells whether the link at path leads to a device, a pipe or a folder,
// as /dev/stdout does.
func special(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular()
}

// sweep removes what programs that were killed while they wrote path have left:
// files under its temporary names that nobody has written to for an hour.
func sweep(path string) {
	dir, base := filepath.Split(path)
	left, err := filepath.Glob(filepath.Join(escape(dir), "."+escape(shorten(base))+".tmp-*"))
	if err != nil {
		return
	}
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(name) // it is in nobody's way
		}
	}
}

// escape returns s for a pattern that matches s alone. Windows has no way to
// escape; there names have none of these characters but the bracket.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`*?[\`, r) && filepath.Separator != '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (t *temp) open() bool { return t.file != nil }

func (t *temp) Write(p []byte) (int, error) {
	if !t.open() {
		return 0, os.ErrClosed
	}
	return t.buf.Write(p)
}

// commit brings the file to the disk and under its name.
func (t *temp) commit(force bool) error {
	if !t.open() {
		return fmt.Errorf("%s: %w", t.path, os.ErrClosed)
	}
	if err := t.buf.Flush(); err != nil {
		return t.fail(err)
	}
	if err := t.file.Sync(); err != nil {
		return t.fail(err)
	}
	// Closed before it is renamed, since Windows renames no open file.
	err := t.file.Close()
	t.file = nil
	if err != nil {
		return t.fail(err)
	}
	// Once more: writing may have taken minutes.
	if err := t.allowed(t.path, force); err != nil {
		t.abort()
		return err
	}
	if err := t.rename(t.name, t.path); err != nil {
		return t.fail(err)
	}
	t.done = true
	if err := t.syncDir(filepath.Dir(t.path)); err != nil {
		return fmt.Errorf("%s: %w", t.path, cause(err))
	}
	return nil
}

// fail gives up because of err, which it returns with the file's name.
func (t *temp) fail(err error) error {
	if errors.Is(err, os.ErrClosed) && t.done {
		return fmt.Errorf("%s: %w", t.path, os.ErrClosed)
	}
	t.abort()
	return fmt.Errorf("%s: %w", t.path, cause(err))
}

// cause returns the reason in err without the temporary name in it, which
// would puzzle, and which is gone.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}

// abort removes the file, unless it is where it is to be.
func (t *temp) abort() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
	if !t.done {
		t.done = true
		_ = t.remove(t.name) // there is nothing else to try
	}
}
