package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Check reads all records and compares them with the index, which is made anew if it is
// damaged itself. An error is one that ends the check.
func (l *Folder) Check(ctx context.Context, problem func(text string)) (records int, err error) {
	var room []byte
	sum := l.start
	seen := map[string]int{}
	end, err := l.items(ctx, func(number int, it *item) error {
		records++
		bad := func(why string) {
			problem(fmt.Sprintf("record %d at byte %d: %s", number, it.at, why))
		}
		var b [recordHead]byte
		if err := readFull(l.data, b[:], it.at); err != nil {
			return err
		}
		if h := parseHead(b[:]); h != it.head || h.sum != h.follow(sum) {
			bad("its head is not what was written")
		}
		sum = it.sum
		body, sound, err := readBody(l.data, it.at, it.head, room)
		if err != nil {
			return err
		}
		room = body
		f, err := parse(body)
		switch {
		case !sound:
			bad("its fingerprint is not what was written")
		case err != nil:
			bad(err.Error())
		case it.entry == nil || !bytes.Equal((&item{it.at, it.head, EntryOf(f)}).append(nil), it.append(nil)):
			bad("the index has something else of it: delete the file " + indexFile)
		case seen[f.Content] > 0:
			bad(fmt.Sprintf("the same model as record %d", seen[f.Content]))
		default:
			seen[f.Content] = number
		}
		if l.Progress != nil {
			l.Progress(it.end(), l.end())
		}
		return nil
	})
	var record *RecordError
	switch {
	case err != nil || end == nil:
		return records, err
	case errors.As(end, &record):
		problem(record.Text)
	default:
		problem(end.Error())
	}
	return records, nil
}

// end returns where the records known end.
func (l *Folder) end() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known.data
}
