//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package durable

import (
	"os"
	"runtime"
)

// hold does nothing: Windows removes no file that is open for writing, and
// elsewhere age tells.
func hold(string) (release func(), ok bool) { return func() {}, true }

// removeLeft removes the file name if it is old, or if nobody can be writing it
// because then it could not be removed.
func removeLeft(name string, old bool) {
	if old || runtime.GOOS == "windows" {
		_ = os.Remove(name) // it is in nobody's way
	}
}
