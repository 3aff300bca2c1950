//go:build !linux

package durable

import "os"

// reserve and startWriting do nothing: the system has no way, or needs none.
func reserve(*os.File, int64)             {}
func startWriting(*os.File, int64, int64) {}
