//go:build linux || darwin

package durable

import "golang.org/x/sys/unix"

// free returns how many bytes a user may still write in dir, if that can be
// told.
func free(dir string) (bytes int64, known bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Blocks == 0 || st.Bsize <= 0 {
		return 0, false // some network file systems have no figures
	}
	n := st.Bavail * uint64(st.Bsize)
	return int64(min(n, 1<<62)), true
}
