package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget has the system drop from memory what it keeps of the files.
func forget(files []string) error {
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		if err = f.Sync(); err == nil { // what is not yet on the disk cannot be dropped
			err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		}
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
