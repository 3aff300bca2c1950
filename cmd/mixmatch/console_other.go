//go:build !windows

package main

// ownConsole reports whether this program is alone in its console: where there is none
// of its own, it is not.
func ownConsole() bool { return false }
