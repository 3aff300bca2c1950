package library

import (
	"errors"
	"io"
	"os"
)

// ownIndex makes the index one of this process's own, in a temporary file, where the
// folder's cannot be written to: a library on a medium that is read only, or full, can
// be searched all the same.
func (l *Folder) ownIndex() error {
	if l.own {
		return nil
	}
	f, err := os.CreateTemp("", "mixmatch-index-*.tmp")
	if err != nil {
		return err
	}
	l.closers = append(l.closers, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) })
	if l.index != nil {
		before := l.index
		if _, err := io.Copy(f, io.NewSectionReader(before, 0, l.known.index)); err != nil {
			return err
		}
		l.closers = append(l.closers, before.Close) // somebody may be reading it
	}
	l.index, l.own = f, true
	return nil
}

// ownIndexAfter is ownIndex after the error of writing to the index, which it returns
// if the index is one of this process's own already.
func (l *Folder) ownIndexAfter(err error) error {
	if l.own {
		return err
	}
	return l.ownIndex()
}
