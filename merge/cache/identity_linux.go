package cache

import (
	"fmt"
	"os"
	"syscall"
)

// identity tells files of one path, size and time apart.
func identity(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("file %d of device %d, touched %d.%09d", st.Ino, st.Dev, st.Ctim.Sec, st.Ctim.Nsec)
}
