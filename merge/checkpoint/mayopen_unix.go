//go:build unix

package checkpoint

import "syscall"

// mayOpen returns how many files the system lets a program have open at a time.
func mayOpen() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 64
	}
	return int(min(limit.Cur, 1<<20))
}
