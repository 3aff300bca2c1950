//go:build !windows

package durable

import "os"

// rename replaces to by from, also where another program has it open.
func rename(from, to string) error { return os.Rename(from, to) }
