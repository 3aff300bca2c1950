//go:build !unix

package durable

// syncDir does nothing: on Windows a folder cannot be synced, and renaming
// does not need it.
func syncDir(string) error { return nil }
