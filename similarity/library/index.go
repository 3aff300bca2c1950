package library

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"mixmatch/merge/block"
	"mixmatch/similarity/fingerprint"
)

// The index begins with its version and the checksum of the beginning of the file of
// records. It can be made anew from that at any time. docs/library.md has it to the
// byte.
const (
	indexMagic = "mixmatch library index 1\n"
	indexStart = len(indexMagic) + 4
)

// An item of the index is a checksummed text of these numbers, and some texts.
const (
	itemHead  = 4 + 4                                            // length and checksum
	itemFixed = 8 + recordHead + 1 + 8 + 4*fingerprint.CoarseLen // before the texts
	maxItem   = 1 << 25                                          // more than the head of a fingerprint can hold
)

// An item is what the index has of a record.
type item struct {
	at int64 // of the record, in the file of records
	head
	entry *Entry // nil if its fingerprint is damaged
}

// end returns where the record ends.
func (it *item) end() int64 { return it.at + recordHead + it.length }

const (
	itemDifference = 1 << iota
	itemDamaged
)

// append appends the item as it is stored.
func (it *item) append(to []byte) []byte {
	from := len(to)
	to = append(to, make([]byte, itemHead)...)
	to = binary.LittleEndian.AppendUint64(to, uint64(it.at))
	to = it.head.append(to)
	e, flags := it.entry, byte(0)
	if e == nil {
		e, flags = &Entry{Coarse: new(fingerprint.Coarse)}, itemDamaged
	}
	if e.Difference {
		flags |= itemDifference
	}
	to = append(to, flags)
	to = binary.LittleEndian.AppendUint64(to, uint64(e.Bytes))
	for _, v := range e.Coarse {
		to = binary.LittleEndian.AppendUint32(to, math.Float32bits(v))
	}
	for _, s := range []string{e.Content, string(e.Arch), e.Variant, e.Name, e.SHA256, e.Licence, e.Page} {
		to = binary.LittleEndian.AppendUint32(to, uint32(len(s)))
		to = append(to, s...)
	}
	text := to[from+itemHead:]
	binary.LittleEndian.PutUint32(to[from:], uint32(len(text)))
	binary.LittleEndian.PutUint32(to[from+4:], checksum(text))
	return to
}

// errItem is that of a part of the index that is no item, or not a whole one.
var errItem = errors.New("not an item of an index")

// readItem reads an item and returns how many bytes it is of. The error wraps errItem,
// or is that of reading.
func readItem(r *bufio.Reader, room []byte) (it *item, n int64, rest []byte, err error) {
	var b [itemHead]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, 0, room, cutItem(err)
	}
	length := int(binary.LittleEndian.Uint32(b[:]))
	if length < itemFixed || length > maxItem {
		return nil, 0, room, fmt.Errorf("%w: %d bytes", errItem, length)
	}
	if cap(room) < length {
		// Not at once: a length that is wrong must not make a reader take it all.
		if _, err := r.Peek(min(length, r.Size())); err != nil {
			return nil, 0, room, cutItem(err)
		}
		room = make([]byte, length)
	}
	room = room[:length]
	if _, err := io.ReadFull(r, room); err != nil {
		return nil, 0, room, cutItem(err)
	}
	if checksum(room) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, 0, room, fmt.Errorf("%w: its checksum is wrong", errItem)
	}
	it, err = parseItem(room)
	return it, itemHead + int64(length), room, err
}

func cutItem(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", errItem)
	}
	return err
}

// parseItem parses an item of which b, of itemFixed bytes or more, has all but length
// and checksum. Nothing of it is kept.
func parseItem(b []byte) (*item, error) {
	it := &item{at: int64(binary.LittleEndian.Uint64(b)), head: parseHead(b[8:])}
	b = b[8+recordHead:]
	flags := b[0]
	if it.at < int64(dataStart) || it.length <= 0 || it.length > maxRecord || it.at > math.MaxInt64-2*maxRecord || flags > itemDifference|itemDamaged {
		return nil, fmt.Errorf("%w: numbers out of range", errItem)
	}
	e := &Entry{Difference: flags&itemDifference != 0, Coarse: new(fingerprint.Coarse)}
	e.Bytes = int64(binary.LittleEndian.Uint64(b[1:]))
	b = b[9:]
	for k := range e.Coarse {
		e.Coarse[k] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))
	}
	b = b[4*fingerprint.CoarseLen:]
	var arch string
	for _, s := range []*string{&e.Content, &arch, &e.Variant, &e.Name, &e.SHA256, &e.Licence, &e.Page} {
		if len(b) < 4 {
			return nil, fmt.Errorf("%w: a text is missing", errItem)
		}
		n := binary.LittleEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return nil, fmt.Errorf("%w: a text is cut short", errItem)
		}
		*s, b = string(b[:n]), b[n:]
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: something is behind it", errItem)
	}
	e.Arch = block.Arch(arch)
	if flags&itemDamaged == 0 {
		it.entry = e
	}
	return it, nil
}

// newIndexStart returns the beginning of the index of a file of records whose
// beginning has the checksum start.
func newIndexStart(start uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte(indexMagic), start)
}
