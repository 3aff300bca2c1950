package archive

import (
	"bytes"
	"encoding/binary"
	"math"
)

// A directory is where an archive lists its entries, right before the records
// that end it.
type directory struct{ at, length, entries int64 }

const (
	endLen     = 22 // of the record at the end, without a comment
	end64Len   = 56 // of the record before it in archives that need wide numbers
	locatorLen = 20 // of the one between the two, which says where that is
	entryLen   = 46 // of an entry of the directory, without its texts

	saturated     = math.MaxUint32 // the number stands elsewhere, with 64 bits
	flagEncrypted = 1
)

// findDirectory finds the directory of an archive of size bytes.
func findDirectory(read source, size int64) (directory, error) {
	tail := make([]byte, min(size, endLen+math.MaxUint16))
	if err := read(tail, size-int64(len(tail))); err != nil {
		return directory{}, err
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < endLen {
		return directory{}, Error("cut off: the directory at its end is missing: download it again")
	}
	b := tail[at:]
	if int(binary.LittleEndian.Uint16(b[20:])) != len(b)-endLen {
		return directory{}, malformed("%d bytes after its end", len(b)-endLen)
	}
	end := size - int64(len(b)) // of what comes before the record
	number := func(at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
	short := func(at int) int64 { return int64(binary.LittleEndian.Uint16(b[at:])) }
	d := directory{number(16), number(12), short(10)}
	parts := short(4) + short(6)
	wide := d.at == saturated || d.length == saturated || d.entries == math.MaxUint16
	// Some writers add the wide record without need.
	if locator := at - locatorLen; locator >= 0 && string(tail[locator:locator+4]) == "PK\x06\x07" {
		var err error
		if d, end, err = findWide(read, tail[locator:at], end-locatorLen, d); err != nil {
			return directory{}, err
		}
	} else if wide {
		return directory{}, malformed("the numbers of its directory are missing")
	} else if parts != 0 || short(8) != d.entries {
		return directory{}, malformed("one part of an archive of several")
	}
	switch {
	case d.entries > MaxEntries || d.length > maxDirectory:
		return directory{}, malformed("it lists %d files in %d bytes, more than any model has", d.entries, d.length)
	case d.at > end || d.length != end-d.at:
		return directory{}, malformed("its directory is not where it says")
	case d.entries > d.length/entryLen:
		return directory{}, malformed("%d files in a directory of %d bytes", d.entries, d.length)
	}
	return d, nil
}

// findWide reads the record with wide numbers, which must end at end; narrow are
// the numbers of the other. It returns the directory and where that must end.
func findWide(read source, locator []byte, end int64, narrow directory) (directory, int64, error) {
	at := binary.LittleEndian.Uint64(locator[8:])
	if at > uint64(end) || end-int64(at) < end64Len {
		return directory{}, 0, malformed("the record with its directory's place is missing")
	}
	b := make([]byte, end64Len)
	if err := read(b, int64(at)); err != nil {
		return directory{}, 0, err
	}
	number := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	if string(b[:4]) != "PK\x06\x06" || number(4) != uint64(end)-at-12 {
		return directory{}, 0, malformed("the record with its directory's place is malformed")
	}
	for i := range 4 {
		if number(24+8*i) > math.MaxInt64 {
			return directory{}, 0, malformed("the record with its directory's place is malformed")
		}
	}
	if binary.LittleEndian.Uint32(locator[4:]) != 0 || binary.LittleEndian.Uint32(locator[16:]) != 1 ||
		number(16)>>32 != 0 || number(16)&math.MaxUint32 != 0 || number(24) != number(32) {
		return directory{}, 0, malformed("one part of an archive of several")
	}
	d := directory{int64(number(48)), int64(number(40)), int64(number(32))}
	for _, pair := range [][3]int64{{narrow.at, d.at, saturated}, {narrow.length, d.length, saturated}, {narrow.entries, d.entries, math.MaxUint16}} {
		if pair[0] != pair[1] && pair[0] != pair[2] {
			return directory{}, 0, malformed("it says of its directory one thing here and another there")
		}
	}
	return d, int64(at), nil
}

// parseDirectory reads n entries, which fill b.
func parseDirectory(b []byte, n int64) ([]Entry, error) {
	entries := make([]Entry, 0, n)
	for range n {
		if len(b) < entryLen || string(b[:4]) != "PK\x01\x02" {
			return nil, malformed("its directory lists %d of %d files", len(entries), n)
		}
		short := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
		number := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
		name, extra, comment := short(28), short(30), short(32)
		if name > maxName {
			return nil, malformed("the name of a file has %d bytes", name)
		}
		if name+extra+comment > len(b)-entryLen {
			return nil, malformed("its directory is cut off")
		}
		e := Entry{
			Name:      string(b[entryLen : entryLen+name]),
			Encrypted: short(8)&flagEncrypted != 0,
			Stored:    short(10) == 0,
			CRC:       number(16),
			Link:      short(4)>>8 == 3 && number(38)>>28 == 0xa, // by Unix, with its kind of file
		}
		e.Packed, e.Size, e.header = int64(number(20)), int64(number(24)), int64(number(42))
		if err := e.widen(b[entryLen+name:][:extra]); err != nil {
			return nil, err
		}
		if e.Stored && !e.Encrypted && e.Packed != e.Size {
			return nil, e.errorf("has %d bytes where it should have %d", e.Packed, e.Size)
		}
		entries = append(entries, e)
		b = b[entryLen+name+extra+comment:]
	}
	if len(b) > 0 {
		return nil, malformed("%d bytes after the last file in its directory", len(b))
	}
	return entries, nil
}

// widen takes the numbers of an entry that did not fit from its extra fields.
func (e *Entry) widen(extra []byte) error {
	var need []*int64
	for _, v := range []*int64{&e.Size, &e.Packed, &e.header} {
		if *v == saturated {
			need = append(need, v)
		}
	}
	for len(extra) >= 4 && len(need) > 0 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra)-4 {
			break
		}
		field := extra[4 : 4+n]
		extra = extra[4+n:]
		if id != 1 {
			continue
		}
		for len(need) > 0 && len(field) >= 8 {
			v := binary.LittleEndian.Uint64(field)
			if v > math.MaxInt64 {
				return e.errorf("has numbers that cannot be")
			}
			*need[0], need, field = int64(v), need[1:], field[8:]
		}
		break
	}
	if len(need) > 0 {
		return e.errorf("lacks the numbers that need 64 bits")
	}
	return nil
}
