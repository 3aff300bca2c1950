package library

import (
	"errors"
	"syscall"
)

// isReadOnly reports whether err is ERROR_WRITE_PROTECT.
func isReadOnly(err error) bool { return errors.Is(err, syscall.Errno(19)) }
