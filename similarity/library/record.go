package library

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// The file of records begins with its version, a number of its own, which tells it
// from all others, and a checksum of both. docs/library.md has it to the byte.
const (
	dataFormat  = "mixmatch library "
	dataVersion = "1\n"
	dataMagic   = dataFormat + dataVersion
	dataStart   = len(dataMagic) + 16 + 4
)

// recordHead is how long the head of a record is: the length of the fingerprint behind
// it, the fingerprint's checksum, and one of the head that follows from that of the
// head before. So the last head tells all records before it.
const recordHead = 8 + 4 + 4

// maxRecord is more than a fingerprint can have.
const maxRecord = 1 << 27

// checksum is CRC-32C. The usual CRC-32 of a fingerprint, which ends with its own, is the
// same for all.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// newDataStart returns the beginning of a new file.
func newDataStart() []byte {
	b := append([]byte(dataMagic), make([]byte, 16)...)
	_, _ = rand.Read(b[len(dataMagic):]) // it never fails
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// elsewhere is what to do about a file of records of which nothing can be found.
const elsewhere = "put a copy of it back, or add the models to a new library"

// readDataStart returns the checksum that the first record's head follows from.
func readDataStart(r io.ReaderAt) (uint32, error) {
	b := make([]byte, dataStart)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	b = b[:n]
	rest, ours := strings.CutPrefix(string(b), dataFormat)
	switch {
	case n == 0:
		return 0, fmt.Errorf("%w: the file is empty; %s", ErrDamaged, elsewhere)
	case !ours:
		return 0, fmt.Errorf("%w: not the records of a library; %s", ErrDamaged, elsewhere)
	case !strings.HasPrefix(rest, dataVersion):
		version, _, _ := strings.Cut(rest, "\n")
		return 0, fmt.Errorf("%w: it is of version %.20q, and this program knows %q", ErrVersion, version, strings.TrimSpace(dataVersion))
	case n < dataStart || checksum(b[:n-4]) != binary.LittleEndian.Uint32(b[n-4:]):
		return 0, fmt.Errorf("%w: its beginning is not what was written; %s", ErrDamaged, elsewhere)
	}
	return binary.LittleEndian.Uint32(b[n-4:]), nil
}

// A head is that of a record.
type head struct {
	length int64  // of the fingerprint
	crc    uint32 // of the fingerprint
	sum    uint32 // of the head, and of all heads before it
}

// headOf returns the head of the fingerprint body behind a record whose head has the
// sum before.
func headOf(body []byte, before uint32) head {
	h := head{length: int64(len(body)), crc: checksum(body)}
	h.sum = h.follow(before)
	return h
}

// follow returns the sum that h must have behind one with the sum before.
func (h head) follow(before uint32) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint32(b[:], before)
	binary.LittleEndian.PutUint64(b[4:], uint64(h.length))
	binary.LittleEndian.PutUint32(b[12:], h.crc)
	return checksum(b[:])
}

func (h head) append(to []byte) []byte {
	to = binary.LittleEndian.AppendUint64(to, uint64(h.length))
	to = binary.LittleEndian.AppendUint32(to, h.crc)
	return binary.LittleEndian.AppendUint32(to, h.sum)
}

func parseHead(b []byte) head {
	return head{int64(binary.LittleEndian.Uint64(b)), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}
}

// What became of reading a record. One that is torn is the last, and was not finished:
// a write that a kill or a full disk ended leaves a part of it, and a machine that
// stopped may leave zeros.
type condition int

const (
	whole condition = iota
	torn
	badBody // other records may be behind it
	badHead // what is behind it cannot be found
)

// readRecord reads the record at byte at of a file of size bytes, behind one whose head
// has the sum before. The fingerprint is in room, if that is large enough.
func readRecord(r io.ReaderAt, at, size int64, before uint32, room []byte) (h head, body []byte, c condition, err error) {
	left := size - at
	if left < recordHead {
		return h, nil, torn, nil
	}
	var b [recordHead]byte
	if err := readFull(r, b[:], at); err != nil {
		return h, nil, 0, err
	}
	if h = parseHead(b[:]); h.length <= 0 || h.length > maxRecord || h.sum != h.follow(before) {
		zero, err := zeros(r, at, size)
		if zero {
			return h, nil, torn, err
		}
		return h, nil, badHead, err
	}
	if left-recordHead < h.length {
		return h, nil, torn, nil
	}
	body, sound, err := readBody(r, at, h, room)
	switch end := at + recordHead + h.length; {
	case err != nil:
		return h, nil, 0, err
	case sound:
		return h, body, whole, nil
	case end < size:
		return h, nil, badBody, nil
	default: // a fingerprint ends with a checksum, and no zeros
		zero, err := zeros(r, max(at+recordHead, end-64), end)
		if zero {
			return h, nil, torn, err
		}
		return h, nil, badBody, err
	}
}

// readBody reads the fingerprint of the record at byte at, and reports whether it has
// the checksum in its head.
func readBody(r io.ReaderAt, at int64, h head, room []byte) (body []byte, sound bool, err error) {
	if int64(cap(room)) < h.length {
		room = make([]byte, h.length)
	}
	body = room[:h.length]
	if err := readFull(r, body, at+recordHead); err != nil {
		return nil, false, err
	}
	return body, checksum(body) == h.crc, nil
}

// zeros reports whether the bytes of a file from one up to another are all 0.
func zeros(r io.ReaderAt, from, to int64) (bool, error) {
	b := make([]byte, min(1<<16, to-from))
	for from < to {
		b = b[:min(int64(len(b)), to-from)]
		if err := readFull(r, b, from); err != nil {
			return false, err
		}
		for _, v := range b {
			if v != 0 {
				return false, nil
			}
		}
		from += int64(len(b))
	}
	return true, nil
}

// readFull fills b. A file that ends before is one that was cut while it was read.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the file was cut to %d bytes while it was read", ErrDamaged, at+int64(n))
	}
	return err
}
