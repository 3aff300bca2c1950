package durable

import "os"

// An eagerFile is a file whose bytes are on their way to the disk soon after they are
// written, so that little is left for Sync to wait for: a model has gigabytes.
type eagerFile struct {
	*os.File
	written, begun int64
}

// eagerness is how many bytes are brought to the disk at a time. Smaller files are left
// to Sync.
const eagerness = 32 << 20

func (f *eagerFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.written += int64(n)
	if f.written-f.begun >= eagerness {
		startWriting(f.File, f.begun, f.written-f.begun)
		f.begun = f.written
	}
	return n, err
}

// Reserve has room found for size bytes, if they are many.
func (f *eagerFile) Reserve(size int64) {
	if size >= eagerness {
		reserve(f.File, size)
	}
}
