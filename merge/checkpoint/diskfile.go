package checkpoint

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// A DiskFile is a file that is open while it is read, so that hundreds of models
// can take part where the system allows a hundred open files. Its methods may be
// used concurrently.
type DiskFile struct {
	path string
	info os.FileInfo // when it was opened first

	// Under the lock of handles.
	file  *os.File // nil while it is not open
	users int      // reads under way
	place *list.Element
}

// handles are the files that are open, those used last in front.
var handles = struct {
	sync.Mutex
	open *list.List // of *DiskFile
	most int
}{open: list.New(), most: min(64, mayOpen()/6)} // the rest is for journals, locks and what else is open

// OpenDisk opens the file at path. The error wraps [ErrFormat] for what is no
// file, such as a folder or a pipe; otherwise it is the operating system's.
func OpenDisk(path string) (*DiskFile, error) {
	// Before opening, since opening a pipe waits for its other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d := &DiskFile{path: path}
	if err := d.acquire(); err != nil {
		return nil, err
	}
	d.release()
	if err := regular(d.info); err != nil {
		d.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func regular(info os.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return Malformed("a folder without a model of diffusers' layout in it: name the file that holds the model")
	case mode&os.ModeNamedPipe != 0:
		return Malformed("a pipe: save the model as a file first")
	case mode&os.ModeSocket != 0:
		return Malformed("a socket, not a model file")
	case !mode.IsRegular():
		return Malformed("a device, not a model file")
	}
	return nil
}

// Path returns the name that the file was opened by.
func (d *DiskFile) Path() string { return d.path }

// Size returns the file's size in bytes, as it was when it was opened.
func (d *DiskFile) Size() int64 { return d.info.Size() }

// ModTime returns when the file was written to last, in UTC, as it was when it
// was opened.
func (d *DiskFile) ModTime() time.Time { return d.info.ModTime().UTC() }

// ReadAt is that of [io.ReaderAt].
func (d *DiskFile) ReadAt(p []byte, at int64) (int, error) {
	if err := d.acquire(); err != nil {
		return 0, err
	}
	defer d.release()
	return d.file.ReadAt(p, at)
}

// Changed returns an error that wraps [ErrChanged] if the file's size or
// modification time is no longer what it was, or if another file is in its place
// now and the first is no longer open.
func (d *DiskFile) Changed() error {
	if err := d.acquire(); err != nil {
		return err
	}
	defer d.release()
	info, err := d.file.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	return d.differs(info)
}

// differs returns an error if info is not that of the file as it was.
func (d *DiskFile) differs(info os.FileInfo) error {
	switch {
	case info.Size() != d.info.Size():
		return fmt.Errorf("%s: %w: %d bytes, not %d", d.path, ErrChanged, info.Size(), d.info.Size())
	case !info.ModTime().Equal(d.info.ModTime()):
		return fmt.Errorf("%s: %w: written to at %s", d.path, ErrChanged, info.ModTime().UTC().Format(time.RFC3339))
	case !os.SameFile(info, d.info):
		return fmt.Errorf("%s: %w: another file is in its place", d.path, ErrChanged)
	}
	return nil
}

// Close closes the file. No read may be under way.
func (d *DiskFile) Close() error {
	handles.Lock()
	defer handles.Unlock()
	return d.shut()
}

// acquire opens the file if it is not open, and keeps it so until release.
func (d *DiskFile) acquire() error {
	handles.Lock()
	defer handles.Unlock()
	if d.file != nil {
		d.users++
		handles.open.MoveToFront(d.place)
		return nil
	}
	makeRoom(handles.most - 1)
	file, err := os.Open(d.path)
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		handles.most = max(1, handles.open.Len()/2) // others need some too
		makeRoom(0)
		file, err = os.Open(d.path)
	}
	if errors.Is(err, os.ErrNotExist) && d.info != nil {
		return fmt.Errorf("%s: %w: it is gone", d.path, ErrChanged)
	}
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && d.info != nil {
		err = d.differs(info)
	}
	if err != nil {
		file.Close()
		return err
	}
	d.file, d.info, d.users, d.place = file, info, 1, handles.open.PushFront(d)
	return nil
}

func (d *DiskFile) release() {
	handles.Lock()
	d.users--
	handles.Unlock()
}

// makeRoom closes files that nobody reads, those used longest ago first, until no
// more than n are open. The caller has the lock.
func makeRoom(n int) {
	for e := handles.open.Back(); e != nil && handles.open.Len() > n; {
		before := e.Prev()
		if d := e.Value.(*DiskFile); d.users == 0 {
			_ = d.shut() // only read from
		}
		e = before
	}
}

// shut closes the file if it is open. The caller has the lock.
func (d *DiskFile) shut() error {
	if d.file == nil {
		return nil
	}
	file := d.file
	d.file = nil
	handles.open.Remove(d.place)
	return file.Close()
}

// ReadFull fills p from r, which may read less than asked for. A file that ends
// too early was cut off since its size was taken: the error wraps [ErrChanged].
func ReadFull(r io.ReaderAt, p []byte, at int64) error {
	for idle := 0; len(p) > 0; {
		n, err := r.ReadAt(p, at)
		if n < 0 || n > len(p) {
			return errors.New("reader returned an impossible count")
		}
		p, at = p[n:], at+int64(n)
		if len(p) == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it now ends at byte %d", ErrChanged, at)
		}
		if err != nil {
			return fmt.Errorf("byte %d: %w", at, err)
		}
		if n > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return fmt.Errorf("byte %d: %w", at, io.ErrNoProgress)
		}
	}
	return nil
}
