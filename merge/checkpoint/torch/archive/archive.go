// Package archive says where in a zip archive the files lie that it holds, so
// that those stored as they are can be read in place.
//
// It unpacks nothing, and is stricter than what unpacks: the directory at the
// archive's end, what stands before each file, and the length of the whole must
// agree, and no two files may share a byte. So there are no two readings of an
// archive. The format is PKWARE's APPNOTE, with zip64; parts in other files are
// none of it.
package archive

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"mixmatch/merge/safetext"
)

// Limits of an archive, far beyond any model.
const (
	MaxEntries   = 250_000
	maxDirectory = 32 << 20 // bytes
	maxName      = 1 << 10
)

// An Entry is a file in an archive.
type Entry struct {
	Name      string // as it stands there: from a file, and used as no path
	Offset    int64  // where its bytes begin
	Packed    int64  // how many there are
	Size      int64  // how many they become
	CRC       uint32 // the CRC-32 of those; 0 may mean that it was not noted
	Stored    bool   // whether the bytes are the file's own, not compressed
	Encrypted bool
	Link      bool // a symbolic link, not a file

	header int64 // where what stands before it begins
}

// An Error says what is wrong with an archive.
type Error string

func (e Error) Error() string { return string(e) }

func malformed(format string, args ...any) error {
	return Error("malformed zip archive: " + fmt.Sprintf(format, args...))
}

// A source reads p from byte at on.
type source func(p []byte, at int64) error

// Read returns the files in an archive of size bytes, in the order of the
// directory; read fills p with the bytes from at on. The error is an [Error] for
// what is no sound archive, otherwise that of read.
func Read(read func(p []byte, at int64) error, size int64) ([]Entry, error) {
	end, err := findDirectory(read, size)
	if err != nil {
		return nil, err
	}
	b := make([]byte, end.length)
	if err := read(b, end.at); err != nil {
		return nil, err
	}
	entries, err := parseDirectory(b, end.entries)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		if err := entries[i].locate(read, end.at); err != nil {
			return nil, err
		}
	}
	if err := apart(entries); err != nil {
		return nil, err
	}
	return entries, nil
}

const localLen = 30

// locate reads what stands before the entry, which says where its bytes begin,
// and compares it with the directory, which begins at limit.
func (e *Entry) locate(read source, limit int64) error {
	if e.header > limit-localLen-int64(len(e.Name)) {
		return e.errorf("begins beyond the directory")
	}
	b := make([]byte, localLen+len(e.Name))
	if err := read(b, e.header); err != nil {
		return err
	}
	if string(b[:4]) != "PK\x03\x04" {
		return e.errorf("is not where the directory has it")
	}
	flags, method := binary.LittleEndian.Uint16(b[6:]), binary.LittleEndian.Uint16(b[8:])
	name, extra := binary.LittleEndian.Uint16(b[26:]), binary.LittleEndian.Uint16(b[28:])
	if int(name) != len(e.Name) || string(b[localLen:]) != e.Name {
		return e.errorf("has another name where it lies")
	}
	if e.Encrypted != (flags&flagEncrypted != 0) || e.Stored != (method == 0) {
		return e.errorf("is packed otherwise where it lies")
	}
	e.Offset = e.header + localLen + int64(name) + int64(extra)
	if e.Offset > limit || e.Packed > limit-e.Offset {
		return e.errorf("reaches into the directory")
	}
	// The lengths may follow behind the bytes; then there are zeros. Those that
	// do not fit stand elsewhere.
	for i, n := range []int64{e.Packed, e.Size} {
		if v := binary.LittleEndian.Uint32(b[18+4*i:]); v != 0 && v != saturated && int64(v) != n {
			return e.errorf("has another length where it lies")
		}
	}
	return nil
}

func (e *Entry) errorf(format string, args ...any) error {
	return malformed("%s %s", safetext.Quote(e.Name), fmt.Sprintf(format, args...))
}

// apart returns an error if two entries share a byte.
func apart(entries []Entry) error {
	order := make([]*Entry, len(entries))
	for i := range entries {
		order[i] = &entries[i]
	}
	slices.SortFunc(order, func(a, b *Entry) int { return cmp.Compare(a.header, b.header) })
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; a.Offset+a.Packed > b.header {
			return b.errorf("overlaps %s", safetext.Quote(a.Name))
		}
	}
	return nil
}
