//go:build !linux

package main

// forget cannot be done here.
func forget([]string) error { return skipped("files can be dropped from memory on Linux only") }
