package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// magic is how an entry begins. After it come the SHA-256 of all that follows, the
// length of the name, the name, which is kind and key, and the data.
const magic = "mixmatch cache 1\n"

const head = len(magic) + sha256.Size + 4

// seal writes an entry into an empty file and returns its length. The data may have
// up to so many bytes.
func seal(f *os.File, kind, key string, most int64, write func(w io.Writer) error) (int64, error) {
	name := kind + "\x00" + key
	b := make([]byte, head, head+len(name)) // the sum comes last
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[head-4:], uint32(len(name)))
	b = append(b, name...)
	if _, err := f.Write(b); err != nil {
		return 0, err
	}
	sum := sha256.New()
	sum.Write(b[head-4:])
	data := &bounded{w: io.MultiWriter(f, sum), left: most}
	if err := write(data); err != nil {
		return 0, err
	}
	_, err := f.WriteAt(sum.Sum(nil), int64(len(magic)))
	return int64(len(b)) + most - data.left, err
}

// A bounded writer fails when too much is written.
type bounded struct {
	w    io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, errors.New("too large to be kept")
	}
	n, err := b.w.Write(p)
	b.left -= int64(n)
	return n, err
}

// open brings a file to where its data begins, and is false if it is no entry of that
// name, or not whole.
func open(f *os.File, kind, key string) bool {
	name := kind + "\x00" + key
	want := make([]byte, head+len(name))
	if _, err := io.ReadFull(f, want); err != nil || string(want[:len(magic)]) != magic {
		return false
	}
	if uint64(binary.LittleEndian.Uint32(want[head-4:])) != uint64(len(name)) || string(want[head:]) != name {
		return false
	}
	sum := sha256.New()
	sum.Write(want[head-4:])
	if _, err := io.Copy(sum, f); err != nil || !bytes.Equal(sum.Sum(nil), want[len(magic):len(magic)+sha256.Size]) {
		return false
	}
	_, err := f.Seek(int64(len(want)), io.SeekStart)
	return err == nil
}
