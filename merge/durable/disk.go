package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A disk is what writing needs of the operating system. Tests make its
// operations fail.
type disk struct {
	create  func(path string) (handle, error) // must not exist
	hold    func(path string) (release func(), ok bool)
	lstat   func(path string) (fs.FileInfo, error)
	rename  func(from, to string) error
	remove  func(path string) error
	syncDir func(dir string) error
	free    func(dir string) (bytes int64, known bool)
}

type handle interface {
	io.Writer
	io.WriterAt
	Reserve(size int64) // is of use, and may do nothing
	Sync() error
	Close() error
}

func system() disk {
	return disk{
		create: func(path string) (handle, error) {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
			return &eagerFile{File: f}, err
		},
		hold:    hold,
		lstat:   os.Lstat,
		rename:  rename,
		remove:  os.Remove,
		syncDir: syncDir,
		free:    free,
	}
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
