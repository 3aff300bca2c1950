package library

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mixmatch/similarity/fingerprint"
)

// refresh takes note of what was added since, by this process or another. What is behind
// a damaged head, or a record of which the end is gone, is not known, and bad is set. The
// caller has mu.
func (l *Folder) refresh(ctx context.Context) error {
	var cut *RecordError
	if errors.As(l.bad, &cut) && cut.cut { // somebody may have put the file back
		l.bad = nil
	}
	err := l.refreshed(ctx)
	if errors.As(err, &cut) && cut.cut {
		l.bad, err = cut, nil
	}
	return err
}

func (l *Folder) refreshed(ctx context.Context) error {
	sound, err := l.readIndex()
	if err != nil {
		return err
	}
	size, err := sizeOf(l.data)
	if err != nil {
		return err
	}
	if sound && (size <= l.known.data || size == l.tornSize && !l.own) {
		return nil
	}
	if l.fixed != nil || l.own {
		if err := l.ownIndex(); err != nil {
			return err
		}
		return l.catchUp(ctx)
	}
	return l.locked(ctx, func() error { return l.catchUp(ctx) })
}

// forget begins anew.
func (l *Folder) forget() {
	l.known, l.last, l.tornSize = mark{}, place{}, 0
	clear(l.places)
}

// readIndex reads what the index has behind what is known. Sound is false if it is not
// as far as it goes that of the records: what is known is, then. An error is that of
// reading, or that records are gone that had been whole.
func (l *Folder) readIndex() (sound bool, err error) {
	if l.index == nil {
		return false, nil
	}
	size, err := sizeOf(l.index)
	if err != nil || size == l.known.index {
		return err == nil && size > 0, err
	}
	if size < l.known.index { // another process began it anew, and was killed
		l.forget()
	}
	if l.known.index == 0 {
		start := newIndexStart(l.start)
		b := make([]byte, min(size, int64(len(start))))
		if err := readFull(l.index, b, 0); err != nil {
			return false, err
		}
		if !bytes.Equal(b, start) {
			return false, nil
		}
		l.known = mark{data: int64(dataStart), index: int64(indexStart), sum: l.start}
	}
	data, err := sizeOf(l.data)
	if err != nil {
		return false, err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(l.index, l.known.index, size-l.known.index), 1<<18)
	var room []byte
	before := l.known
	sound = true
	for sound && l.known.index < size {
		var it *item
		var n int64
		it, n, room, err = readItem(r, room)
		switch {
		case errors.Is(err, errItem):
			sound = false
			continue
		case err != nil:
			return false, err
		case it.at != l.known.data || it.sum != it.follow(l.known.sum):
			sound = false
			continue
		case it.end() > data:
			if err := l.cutRecord(it, data, l.known.index+n < size); err != nil {
				return false, err
			}
			sound = false
			continue
		}
		l.note(it, n)
	}
	if l.known == before {
		return sound, nil
	}
	same, err := l.sameHead()
	if err == nil && !same { // of other records altogether
		l.forget()
	}
	return sound && same, err
}

// cutRecord returns an error if the record of an item, whose end the records do not
// have, was cut. One that is not there at all is none of these records: an older copy of
// them may be in their place. More says that there had been others behind it.
func (l *Folder) cutRecord(it *item, size int64, more bool) error {
	if size < it.at+recordHead {
		return nil
	}
	var b [recordHead]byte
	if err := readFull(l.data, b[:], it.at); err != nil || parseHead(b[:]) != it.head {
		return err
	}
	why := fmt.Sprintf("%d bytes of it are gone, which had been there", it.end()-size)
	if more {
		why += ", and so is all that was behind it"
	}
	bad := l.damaged(l.known.records+1, it.at, why)
	bad.cut = true
	return bad
}

// sameHead reports whether the last record known has the head that the index has.
func (l *Folder) sameHead() (bool, error) {
	if l.known.records == 0 {
		return true, nil
	}
	var b [recordHead]byte
	if err := readFull(l.data, b[:], l.last.at); err != nil {
		return false, err
	}
	return parseHead(b[:]) == l.last.head, nil
}

// note takes note of an item of n bytes of the index.
func (l *Folder) note(it *item, n int64) {
	l.known = mark{l.known.records + 1, it.end(), l.known.index + n, it.sum}
	l.last = place{it.at, l.known.records, it.head}
	if it.entry == nil {
		return
	}
	if key := digest(it.entry.Content); l.places[key].number == 0 {
		l.places[key] = l.last
	}
}

// catchUp brings the index up to the records. The caller has the lock, or the index is
// this process's own.
func (l *Folder) catchUp(ctx context.Context) error {
	if _, err := l.readIndex(); err != nil { // another process may have caught up meanwhile
		return err
	}
	if err := l.cutIndex(); err != nil {
		return err
	}
	size, err := sizeOf(l.data)
	if err != nil {
		return err
	}
	from := l.known.data
	var room []byte
	for l.known.data < size {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, body, c, err := readRecord(l.data, l.known.data, size, l.known.sum, room)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(l.dir, dataFile), err)
		}
		it := &item{at: l.known.data, head: h}
		switch c {
		case torn:
			l.tornSize = size
			return nil
		case badHead:
			l.bad = l.damaged(l.known.records+1, it.at, "its head is not what was written, and what is behind it cannot be found")
			l.tornSize = size
			return nil
		case whole:
			room = body
			if f, err := parse(body); err == nil {
				it.entry = EntryOf(f)
			}
		}
		if err := l.indexed(it); err != nil {
			return err
		}
		if l.Progress != nil {
			l.Progress(l.known.data-from, size-from)
		}
	}
	return nil
}

// cutIndex takes what is not known off the index, and begins it if it is empty.
func (l *Folder) cutIndex() error {
	size, err := sizeOf(l.index)
	if err != nil {
		return err
	}
	if size > l.known.index {
		if err := l.index.Truncate(l.known.index); err != nil {
			return err
		}
	}
	if l.known.index > 0 {
		return nil
	}
	if _, err := l.index.WriteAt(newIndexStart(l.start), 0); err != nil {
		if bad := l.ownIndexAfter(err); bad != nil {
			return bad
		}
	}
	l.known = mark{data: int64(dataStart), index: int64(indexStart), sum: l.start}
	return nil
}

// indexed adds an item to the index. Where there is no room for it the index becomes
// one of this process's own.
func (l *Folder) indexed(it *item) error {
	b := it.append(nil)
	if _, err := l.index.WriteAt(b, l.known.index); err != nil {
		_ = l.index.Truncate(l.known.index) // or the next process does
		if bad := l.ownIndexAfter(err); bad != nil {
			return bad
		}
		if _, err := l.index.WriteAt(b, l.known.index); err != nil {
			return err
		}
	}
	l.note(it, int64(len(b)))
	return nil
}

func parse(body []byte) (*fingerprint.Fingerprint, error) {
	return fingerprint.Read(bytes.NewReader(body))
}

func sizeOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
