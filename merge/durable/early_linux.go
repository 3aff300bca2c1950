package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve has the file system find room for a file of size bytes in one go. Where it
// cannot, writing finds it, or tells.
func reserve(f *os.File, size int64) {
	_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
}

// startWriting has the system begin to bring n bytes from at on to the disk, and does not wait
// for it: what is not begun early, Sync waits for.
func startWriting(f *os.File, at, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), at, n, unix.SYNC_FILE_RANGE_WRITE)
}
