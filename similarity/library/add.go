package library

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"mixmatch/similarity/fingerprint"
)

// Add writes a record behind the others, unless there is one of that content. After an
// error, that of a full disk for one, the library is as it was.
func (l *Folder) Add(ctx context.Context, f *fingerprint.Fingerprint) (bool, error) {
	if has, err := l.Has(ctx, f.Content); has || err != nil {
		return false, err
	}
	if f.Content == "" {
		return false, fmt.Errorf("%w: the fingerprint of %q does not tell of which content it is", fingerprint.ErrDamaged, f.Name)
	}
	record, err := f.Append(make([]byte, recordHead))
	if err != nil {
		return false, err
	}
	body := record[recordHead:]
	kept, err := parse(body)
	if err != nil { // nobody could read it
		return false, err
	}
	if len(body) > maxRecord {
		return false, fmt.Errorf("%w: the fingerprint of %q has %d bytes", fingerprint.ErrDamaged, f.Name, len(body))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fixed != nil {
		return false, l.fixed
	}
	added := false
	err = l.locked(ctx, func() error {
		if err := l.catchUp(ctx); err != nil {
			return err
		}
		if l.bad != nil {
			return l.bad
		}
		if _, has := l.places[digest(f.Content)]; has {
			return nil
		}
		if l.own { // or the record could not be found by others
			return fmt.Errorf("%s: it cannot be written to", filepath.Join(l.dir, indexFile))
		}
		added = true
		it := &item{at: l.known.data, head: headOf(body, l.known.sum), entry: EntryOf(kept)}
		copy(record, it.head.append(nil))
		return l.write(record, it)
	})
	return added && err == nil, err
}

// write writes a record where the known ones end, over what is torn behind them, brings
// it to the disk, and adds its item to the index. The caller has the lock.
func (l *Folder) write(record []byte, it *item) error {
	size, err := sizeOf(l.data)
	if err != nil {
		return err
	}
	if size > it.at {
		if err := l.data.Truncate(it.at); err != nil {
			return err
		}
	}
	if _, err = l.data.WriteAt(record, it.at); err == nil {
		err = l.data.Sync()
	}
	text := it.append(nil)
	if err == nil {
		if _, err = l.index.WriteAt(text, l.known.index); err != nil {
			err = errors.Join(err, l.index.Truncate(l.known.index))
		}
	}
	if err != nil {
		return errors.Join(err, l.data.Truncate(it.at))
	}
	l.note(it, int64(len(text)))
	return nil
}
