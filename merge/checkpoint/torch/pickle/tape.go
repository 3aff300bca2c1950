package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A tape is the part of a file that may hold the pickle, read from front to back.
type tape struct {
	read     func(p []byte, at int64) error
	at       int64 // of the next byte
	end      int64 // where the pickle must have ended
	size     int64 // of the file
	window   []byte
	windowAt int64 // where window begins in the file
}

const windowLen = 64 << 10

// A fault says what is wrong with a pickle.
type fault string

func (f fault) Error() string { return string(f) }

const (
	errShort = fault("the file ends within it")
	errLong  = fault("it is longer than 64 MiB")
)

// take returns the next n bytes, which are valid until the next call. n is at
// most MaxText.
func (t *tape) take(n int) ([]byte, error) {
	if err := t.has(uint64(n)); err != nil {
		return nil, err
	}
	if t.at+int64(n) > t.windowAt+int64(len(t.window)) {
		if err := t.fill(n); err != nil {
			return nil, err
		}
	}
	b := t.window[t.at-t.windowAt:][:n]
	t.at += int64(n)
	return b, nil
}

// fill brings at least the next n bytes into the window.
func (t *tape) fill(n int) error {
	n = int(min(int64(max(n, windowLen)), t.end-t.at))
	if cap(t.window) < n {
		t.window = make([]byte, n)
	}
	t.window, t.windowAt = t.window[:n], t.at
	return t.read(t.window, t.at)
}

// skip passes over n bytes.
func (t *tape) skip(n uint64) error {
	if err := t.has(n); err != nil {
		return err
	}
	t.at += int64(n)
	return nil
}

// has returns an error if there are no n bytes more.
func (t *tape) has(n uint64) error {
	switch {
	case n <= uint64(t.end-t.at):
		return nil
	case t.end < t.size && n <= uint64(t.size-t.at):
		return errLong
	}
	return errShort
}

// line returns the text up to the end of the line, at most most bytes, and passes
// over that.
func (t *tape) line(most int) (string, error) {
	n := int(min(int64(most)+1, t.end-t.at))
	b, err := t.take(n)
	if err != nil {
		return "", err
	}
	i := bytes.IndexByte(b, '\n')
	switch {
	case i >= 0:
		t.at -= int64(n - i - 1)
		return string(b[:i]), nil
	case n > most:
		return "", fault(fmt.Sprintf("a line of more than %d bytes", most))
	}
	return "", errShort
}

// number returns the next n bytes, at most 8, as a number without sign.
func (t *tape) number(n int) (uint64, error) {
	b, err := t.take(n)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}
