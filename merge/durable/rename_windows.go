package durable

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// rename replaces to by from. Windows refuses while another program has the file
// open, as a virus scanner or an indexer does for a moment after each change: it is
// asked for two seconds.
func rename(from, to string) error {
	const sharing, locked = syscall.Errno(32), syscall.Errno(33)
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := os.Rename(from, to)
		held := errors.Is(err, sharing) || errors.Is(err, locked) || errors.Is(err, syscall.ERROR_ACCESS_DENIED)
		if !held || time.Since(begun) > 2*time.Second {
			return err
		}
	}
}
