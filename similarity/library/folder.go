package library

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"mixmatch/merge/durable"
)

// The files of a library in a folder.
const (
	dataFile  = "fingerprints.mml"
	indexFile = "index.mmi"
	lockFile  = ".lock"
)

// A Folder is a library in a folder: a file of records, which only grows, an index that
// says where they are and what they are of, and a lock that a process holds while it
// writes. An index that is not there, or not that of the records, is made anew, in
// silence. Memory is a hundred bytes a record, and a record or two.
type Folder struct {
	// Progress is told of bytes of the records that are read to make the index, or to
	// check it, if it is not nil.
	Progress func(done, total int64)

	// Damaged is told of records that Entries cannot tell of, by a [RecordError], if it
	// is not nil; those are passed over then, and an error otherwise.
	Damaged func(bad error)

	dir   string
	lock  *flock.Flock
	start uint32 // the checksum of the beginning of the records

	mu       sync.Mutex // guards what follows
	data     *os.File
	index    *os.File
	fixed    error // why neither may be written to, if so
	own      bool  // the index is one of this process alone, since the folder's may not be written to
	closers  []func() error
	known    mark
	last     place                       // the last record known
	bad      error                       // of what is behind what is known, if that is damaged
	places   map[[sha256.Size]byte]place // by the digest of the content
	tornSize int64                       // of the file of records when all behind known was found to be torn
}

var _ Library = (*Folder)(nil)

// A mark says up to where the records and the index are known, and go together.
type mark struct {
	records     int
	data, index int64
	sum         uint32 // of the last record's head
}

// A place is where a record is, and which.
type place struct {
	at     int64
	number int // from 1
	head
}

// OpenFolder opens the library in the folder dir; where there is none it makes one if
// create is set, and otherwise the error wraps [ErrMissing]. A library of another
// version of the format is an error that wraps [ErrVersion].
func OpenFolder(dir string, create bool) (*Folder, error) {
	l := &Folder{dir: dir, lock: flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o666)), places: map[[sha256.Size]byte]place{}}
	if err := l.open(create); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// IsFolder reports whether there is a library in the folder dir.
func IsFolder(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, dataFile))
	return err == nil && info.Mode().IsRegular()
}

func (l *Folder) open(create bool) error {
	path := filepath.Join(l.dir, dataFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && create {
		if err := l.create(path); err != nil {
			return err
		}
	}
	var err error
	if l.data, err = os.OpenFile(path, os.O_RDWR, 0); readOnly(err) {
		l.fixed = err
		l.data, err = os.Open(path)
	}
	switch info, bad := os.Stat(l.dir); {
	case bad == nil && !info.IsDir():
		return fmt.Errorf("%s: %w: it is a file, and a library is a folder", l.dir, ErrMissing)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w: \"library add\" makes one", l.dir, ErrMissing)
	case err != nil:
		return err
	}
	if l.start, err = readDataStart(l.data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return l.openIndex()
}

// openIndex opens the index; without the right to write there may be none.
func (l *Folder) openIndex() error {
	path := filepath.Join(l.dir, indexFile)
	var err error
	if l.fixed == nil {
		l.index, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err == nil {
			return nil
		}
		l.fixed = err // the folder may be full, too, or full of links
	}
	if l.index, err = os.Open(path); errors.Is(err, fs.ErrNotExist) {
		l.index = nil
		return nil
	}
	return err
}

// readOnly reports whether an error is of what may not be written to, but perhaps read.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || err != nil && isReadOnly(err)
}

// create makes the library, unless another process does.
func (l *Folder) create(path string) error {
	if err := os.MkdirAll(l.dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains([]string{dataFile, indexFile}, e.Name()) && e.Name()[0] != '.' {
			return fmt.Errorf("%s: %w, but other things, such as %q: name a new folder", l.dir, ErrMissing, e.Name())
		}
	}
	return l.locked(context.Background(), func() error {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		return durable.WriteFile(path, newDataStart())
	})
}

// locked calls do while no other process writes.
func (l *Folder) locked(ctx context.Context, do func() error) error {
	ok, err := l.lock.TryLockContext(ctx, 5*time.Millisecond)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: it cannot be locked: %w", l.dir, err)
	}
	if !ok {
		return ctx.Err()
	}
	err = do()
	return errors.Join(err, l.lock.Unlock())
}

// Close lets go of the files.
func (l *Folder) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	if l.data != nil {
		errs = append(errs, l.data.Close())
	}
	if l.index != nil && !l.own {
		errs = append(errs, l.index.Close())
	}
	for _, c := range l.closers {
		errs = append(errs, c())
	}
	l.data, l.index, l.closers = nil, nil, nil
	return errors.Join(append(errs, l.lock.Close())...)
}
