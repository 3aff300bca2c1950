//go:build !windows

package studies

import "syscall"

// errNotDir is what opening a file below something that is no folder gives.
var errNotDir error = syscall.ENOTDIR
