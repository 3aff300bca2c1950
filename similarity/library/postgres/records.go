package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mixmatch/merge/safetext"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

// columns are those of an entry.
const columns = `content, name, sha256, bytes, licence, page, arch, variant, difference, coarse`

const coarseSize = 4 * fingerprint.CoarseLen

// loadAtOnce is how many fingerprints one query asks for.
const loadAtOnce = 64

// Entries hands what is known of each record to use, as [library.Library] says. It is one
// query, whose rows are used as they arrive; a fingerprint, which is long, is not read.
func (l *Library) Entries(ctx context.Context, use func(*library.Entry) error) error {
	return l.each(ctx, func(row pgx.CollectableRow) error {
		e, err := l.scanEntry(row)
		switch {
		case errors.Is(err, library.ErrDamaged) && l.Damaged != nil:
			l.Damaged(err)
			return nil
		case err != nil:
			return err
		}
		return use(e)
	}, `select `+columns+` from mixmatch_fingerprints order by number`)
}

// Load hands fingerprints to use, as [library.Library] says, each once.
func (l *Library) Load(ctx context.Context, contents []string, use func(*fingerprint.Fingerprint) error) error {
	contents = slices.Compact(slices.Sorted(slices.Values(contents)))
	var unknown *string
	err := l.pool.QueryRow(ctx, `select min(content) from (select unnest($1::text[]) except select content from mixmatch_fingerprints where content = any($1)) wanted (content)`, contents).Scan(&unknown)
	switch {
	case err != nil:
		return l.database.say(err)
	case unknown != nil:
		return fmt.Errorf("%s: %w: a model with the content %.20q", l, library.ErrUnknown, *unknown)
	}
	for some := range slices.Chunk(contents, loadAtOnce) {
		err := l.each(ctx, func(row pgx.CollectableRow) error {
			var content string
			var stored []byte
			if err := row.Scan(&content, &stored); err != nil {
				return l.database.say(err)
			}
			f, err := l.readStored(content, stored)
			if err != nil {
				return err
			}
			return use(f)
		}, `select content, fingerprint from mixmatch_fingerprints where content = any($1)`, some)
		if err != nil {
			return err
		}
	}
	return nil
}

// Add adds a fingerprint, as [library.Library] says.
func (l *Library) Add(ctx context.Context, f *fingerprint.Fingerprint) (bool, error) {
	row, err := l.row(f)
	if err != nil {
		return false, err
	}
	tag, err := l.pool.Exec(ctx, insert, row...)
	return err == nil && tag.RowsAffected() == 1, l.database.say(err)
}

// Has reports whether there is a fingerprint of that content.
func (l *Library) Has(ctx context.Context, content string) (bool, error) {
	var has bool
	err := l.pool.QueryRow(ctx, `select exists (select from mixmatch_fingerprints where content = $1)`, content).Scan(&has)
	return has, l.database.say(err)
}

// each hands the rows of a query to use as they arrive, until it returns an error.
func (l *Library) each(ctx context.Context, use func(pgx.CollectableRow) error, query string, args ...any) error {
	inside, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := l.pool.Query(inside, query, args...)
	if err != nil {
		return l.database.say(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := use(rows); err != nil {
			cancel() // or Close would read what is left
			return err
		}
	}
	return l.database.say(rows.Err())
}

const insert = `insert into mixmatch_fingerprints (` + columns + `, fingerprint)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (content) do nothing`

// row returns what [insert] wants: the fingerprint as it is stored, and the columns as they
// are read back from that.
func (l *Library) row(f *fingerprint.Fingerprint) ([]any, error) {
	stored, err := f.Append(nil)
	if err != nil {
		return nil, err
	}
	if f, err = fingerprint.Read(bytes.NewReader(stored)); err != nil {
		return nil, err // nobody could read it
	}
	e := library.EntryOf(f)
	if e.Content == "" {
		return nil, fmt.Errorf("%w: the fingerprint of %s does not tell of which content it is", fingerprint.ErrDamaged, safetext.Quote(f.Name))
	}
	for _, text := range []string{e.Content, e.Name, e.SHA256, e.Licence, e.Page, string(e.Arch), e.Variant} {
		if strings.ContainsRune(text, 0) {
			return nil, fmt.Errorf("%s: %s: PostgreSQL has no room for a text with a zero byte: leave it out", l, safetext.Quote(text))
		}
	}
	return []any{e.Content, e.Name, e.SHA256, e.Bytes, e.Licence, e.Page, string(e.Arch), e.Variant, e.Difference, packCoarse(e.Coarse), stored}, nil
}

// scanEntry reads the columns of an entry, and into more those behind.
func (l *Library) scanEntry(row pgx.CollectableRow, more ...any) (*library.Entry, error) {
	e := &library.Entry{Coarse: new(fingerprint.Coarse)}
	var coarse []byte
	into := append([]any{&e.Content, &e.Name, &e.SHA256, &e.Bytes, &e.Licence, &e.Page, (*string)(&e.Arch), &e.Variant, &e.Difference, &coarse}, more...)
	if err := row.Scan(into...); err != nil {
		return nil, l.database.say(err)
	}
	if len(coarse) != coarseSize {
		return e, fmt.Errorf("%s: %w: the coarse fingerprint of %s has %d bytes", l, library.ErrDamaged, called(e), len(coarse))
	}
	for i := range e.Coarse {
		v := math.Float32frombits(binary.LittleEndian.Uint32(coarse[4*i:]))
		if v-v != 0 {
			return e, fmt.Errorf("%s: %w: the coarse fingerprint of %s has a number that is none", l, library.ErrDamaged, called(e))
		}
		e.Coarse[i] = v
	}
	return e, nil
}

// called is how an entry is named in messages.
func called(e *library.Entry) string {
	return fmt.Sprintf("%s (%s)", safetext.Quote(e.Name), safetext.Short(e.Content, 16))
}

// packCoarse returns the numbers of a coarse fingerprint as float32, little-endian.
func packCoarse(c *fingerprint.Coarse) []byte {
	var b []byte
	for _, v := range c {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// readStored reads the fingerprint of a record.
func (l *Library) readStored(content string, stored []byte) (*fingerprint.Fingerprint, error) {
	f, err := fingerprint.Read(bytes.NewReader(stored))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: record %s: %w", l, library.ErrDamaged, safetext.Short(content, 16), err)
	}
	if f.Content != content {
		return nil, fmt.Errorf("%s: %w: record %s holds the fingerprint of %s", l, library.ErrDamaged, safetext.Short(content, 16), safetext.Short(f.Content, 16))
	}
	return f, nil
}
