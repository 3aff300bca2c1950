//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// hold tells other processes that the file name is being written, until release
// is called or this process ends, however it ends. It returns false if another
// has taken the file for left behind. On file systems that have no locks it does
// nothing.
func hold(name string) (release func(), ok bool) {
	nothing := func() {}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nothing, false
	case err != nil:
		return nothing, true
	}
	switch err := lock(f); {
	case errors.Is(err, unix.EWOULDBLOCK):
		f.Close()
		return nothing, false
	case err != nil:
		f.Close()
		return nothing, true
	}
	// Removed before it was locked, perhaps.
	mine, err1 := f.Stat()
	there, err2 := os.Lstat(name)
	if err1 != nil || err2 != nil || !os.SameFile(mine, there) {
		f.Close()
		return nothing, false
	}
	return func() { f.Close() }, true
}

// removeLeft removes the file name unless somebody holds it. Where that cannot
// be told, old says whether it may go.
func removeLeft(name string, old bool) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	err = lock(f)
	if errors.Is(err, unix.EWOULDBLOCK) || err != nil && !old {
		return
	}
	_ = os.Remove(name) // it is in nobody's way
}

func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
