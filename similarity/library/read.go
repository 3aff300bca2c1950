package library

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"mixmatch/similarity/fingerprint"
)

// digest is what contents are known by, all of one length.
func digest(content string) [sha256.Size]byte { return sha256.Sum256([]byte(content)) }

// Has reports whether there is a fingerprint of that content.
func (l *Folder) Has(ctx context.Context, content string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.places[digest(content)]; ok {
		return true, nil
	}
	if err := l.refresh(ctx); err != nil {
		return false, err
	}
	if _, ok := l.places[digest(content)]; ok {
		return true, nil
	}
	return false, l.bad
}

// Entries hands what the index has of each record to use.
func (l *Folder) Entries(ctx context.Context, use func(*Entry) error) error {
	bad, err := l.items(ctx, func(number int, it *item) error {
		if it.entry != nil {
			return use(it.entry)
		}
		return l.pass(l.damaged(number, it.at, ""))
	})
	if err == nil && bad != nil {
		err = l.pass(bad)
	}
	return err
}

// pass returns the error of a record, unless those are passed over.
func (l *Folder) pass(bad error) error {
	if l.Damaged == nil {
		return bad
	}
	l.Damaged(bad)
	return nil
}

// items hands what is in the index to use, with the number of each record, from 1. Bad
// is what is wrong with the head of the record behind them, if something is.
func (l *Folder) items(ctx context.Context, use func(number int, it *item) error) (bad, err error) {
	l.mu.Lock()
	err = l.refresh(ctx)
	known, index, bad := l.known, l.index, l.bad
	l.mu.Unlock()
	if err != nil || known.records == 0 {
		return bad, err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(index, int64(indexStart), known.index-int64(indexStart)), 1<<18)
	var room []byte
	for number := 1; number <= known.records; number++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var it *item
		if it, _, room, err = readItem(r, room); err != nil {
			return nil, fmt.Errorf("%s: item %d changed while it was read: try again: %w", filepath.Join(l.dir, indexFile), number, err)
		}
		if err := use(number, it); err != nil {
			return nil, err
		}
	}
	return bad, nil
}

// A RecordError is that of a record that is damaged. It wraps [ErrDamaged].
type RecordError struct {
	Text string // which record it is and what is wrong with it, without what to do
	dir  string
	cut  bool // the index has it, and the records end before it does
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("%s; \"library merge NEW %s\" takes the others over into a new library", e.Text, e.dir)
}

func (e *RecordError) Unwrap() error { return ErrDamaged }

// damaged is the error for a record.
func (l *Folder) damaged(number int, at int64, why string) *RecordError {
	if why == "" {
		why = "its fingerprint is not what was written"
	}
	return &RecordError{Text: fmt.Sprintf("%s: %v: record %d at byte %d: %s", filepath.Join(l.dir, dataFile), ErrDamaged, number, at, why), dir: l.dir}
}

// Load hands fingerprints to use, in the order of their records.
func (l *Folder) Load(ctx context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error {
	places, err := l.find(ctx, contents)
	if err != nil {
		return err
	}
	var room []byte
	for _, p := range places {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, sound, err := readBody(l.data, p.at, p.head, room)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(l.dir, dataFile), err)
		}
		if room = body; !sound {
			return l.damaged(p.number, p.at, "")
		}
		f, err := parse(body)
		if err != nil {
			return l.damaged(p.number, p.at, err.Error())
		}
		if err := use(f); err != nil {
			return err
		}
	}
	return nil
}

// find returns where the fingerprints of some contents are, each once, in the order of
// the records.
func (l *Folder) find(ctx context.Context, contents []string) ([]place, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(ctx); err != nil {
		return nil, err
	}
	var all []place
	for _, content := range contents {
		p, ok := l.places[digest(content)]
		if !ok && l.bad != nil { // it may be behind that
			return nil, l.bad
		}
		if !ok {
			return nil, fmt.Errorf("%s: %w: a model with the content %.20q", l.dir, ErrUnknown, content)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	return slices.Compact(all), nil
}
