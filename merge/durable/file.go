// Package durable writes files that appear under their name only when they are
// complete and on the disk. Whatever happens while one is written, a crash of
// the machine too, its name stands for what it stood for before.
//
// [WriteFile] is for what is in memory; [Create] begins a [File] that is
// written bit by bit.
package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// A File is being written under a temporary name, in the folder where it is to
// stay: only there can it be renamed in one step. It must end with
// [File.Commit] or [File.Abort]; until the former has returned nothing is to be
// seen under its name but what was there before. It must not be used
// concurrently.
type File struct {
	disk       disk
	path, name string // where it is to be, and where it is
	force      bool
	size, left int64  // bytes in all, and still to be written
	file       handle // nil once it is closed
	release    func() // the lock, which is held until the file has its name
	buf        *bufio.Writer
	done       bool // renamed or removed
}

// Create begins the file path, which is to be size bytes long. The folder must
// exist.
//
// An existing file is refused with an error that wraps [fs.ErrExist], unless
// force is set; anything but a file is always refused. A file system that has
// too little space left is told at once by an error that wraps
// [syscall.ENOSPC]. What programs that were killed while they wrote the same
// file have left is removed.
func Create(path string, size int64, force bool) (*File, error) {
	sweep(path)
	return system().begin(path, size, force)
}

// WriteFile sets the content of the file path to data. At any moment, even of a
// crash, the file has either its old content or the new, entirely.
func WriteFile(path string, data []byte) error {
	sweep(path)
	return system().writeFile(path, data)
}

func (d disk) writeFile(path string, data []byte) error {
	f, err := d.begin(path, int64(len(data)), true)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

func (d disk) begin(path string, size int64, force bool) (*File, error) {
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
	for try := 0; ; try++ {
		name := temporary(dir, base, rand.Uint64())
		file, err := d.create(name)
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, cause(err))
		}
		release, ok := d.hold(name)
		if !ok && try < 100 {
			file.Close()
			_ = d.remove(name)
			continue
		}
		file.Reserve(size)
		return &File{
			disk: d, path: path, name: name, force: force, size: size, left: size,
			file: file, release: release, buf: bufio.NewWriterSize(file, 256<<10),
		}, nil
	}
}

// Write writes the next bytes. After an error nothing remains of the file.
func (f *File) Write(p []byte) (int, error) {
	if f.file == nil {
		return 0, fmt.Errorf("%s: %w", f.path, os.ErrClosed)
	}
	if int64(len(p)) > f.left {
		return 0, f.fail(fmt.Errorf("%d bytes more than were to be written", int64(len(p))-f.left))
	}
	n, err := f.buf.Write(p)
	f.left -= int64(n)
	if err != nil {
		return n, f.fail(err)
	}
	return n, nil
}

// Rewrite writes p in place of bytes that have been written, from byte at on. After an
// error nothing remains of the file.
func (f *File) Rewrite(p []byte, at int64) error {
	if f.file == nil {
		return fmt.Errorf("%s: %w", f.path, os.ErrClosed)
	}
	if at < 0 || at > f.size-f.left || int64(len(p)) > f.size-f.left-at {
		return f.fail(fmt.Errorf("bytes %d to %d have not been written", at, at+int64(len(p))))
	}
	err := f.buf.Flush()
	if err == nil {
		_, err = f.file.WriteAt(p, at)
	}
	if err != nil {
		return f.fail(err)
	}
	return nil
}

// Commit checks that every byte has been written and brings the file to the
// disk and under its name. After an error the name stands for what it stood
// for before; but if only noting the name on the disk failed, the new file may
// be there, complete.
func (f *File) Commit() error {
	if f.file == nil {
		return fmt.Errorf("%s: %w", f.path, os.ErrClosed)
	}
	if f.left > 0 {
		return f.fail(fmt.Errorf("%d bytes were not written", f.left))
	}
	if err := f.buf.Flush(); err != nil {
		return f.fail(err)
	}
	if err := f.file.Sync(); err != nil {
		return f.fail(err)
	}
	// Closed before it is renamed, since Windows renames no open file.
	err := f.file.Close()
	f.file = nil
	if err != nil {
		return f.fail(err)
	}
	// Once more: writing may have taken minutes.
	if err := f.disk.allowed(f.path, f.force); err != nil {
		f.Abort()
		return err
	}
	if err := f.disk.rename(f.name, f.path); err != nil {
		return f.fail(err)
	}
	f.done = true
	f.release()
	if err := f.disk.syncDir(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("%s: %w", f.path, cause(err))
	}
	return nil
}

// fail gives up because of err, which it returns with the file's name.
func (f *File) fail(err error) error {
	f.Abort()
	return fmt.Errorf("%s: %w", f.path, cause(err))
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

// Abort gives up, and leaves nothing behind. After Commit it does nothing, so
// it may be deferred.
func (f *File) Abort() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
	if !f.done {
		f.done = true
		_ = f.disk.remove(f.name) // there is nothing else to try
		f.release()
	}
}
