package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// FileKey returns what tells the content of the file path, of which info was taken
// before the content was read, from that of any other: its absolute path, size and
// time of change, and where the system has them the numbers of device and file and
// the time of its last change of any kind, which no program can set back.
//
// It is false for a file that was changed less than two seconds ago, or in the
// future: it could change again without its time telling. A caller that reads the
// file must see the same key before and after.
func FileKey(path string, info os.FileInfo) (string, bool) {
	age := time.Since(info.ModTime())
	if age < 2*time.Second || !info.Mode().IsRegular() {
		return "", false
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("%q %d bytes, changed %d, %s", path, info.Size(), info.ModTime().UnixNano(), identity(info)), true
}
