//go:build !unix

package checkpoint

// syncDir does nothing: on Windows a folder cannot be synced, and renaming
// does not need it.
func syncDir(string) error { return nil }
