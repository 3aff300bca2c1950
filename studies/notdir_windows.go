package studies

import "syscall"

// errNotDir is what opening a file below something that is no folder gives.
var errNotDir error = syscall.ERROR_PATH_NOT_FOUND
