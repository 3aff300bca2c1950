package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"mixmatch/similarity/library"
)

// Check reads every record: that the checksum of its fingerprint is right, and that the
// columns say what the fingerprint says. It tells of each that is damaged, also of one
// that the server itself cannot read, and goes on.
func (l *Library) Check(ctx context.Context, problem func(text string)) (records int, err error) {
	var numbers []int64 // eight bytes a record
	err = l.each(ctx, func(row pgx.CollectableRow) error {
		var n int64
		err := row.Scan(&n)
		numbers = append(numbers, n)
		return l.database.say(err)
	}, `select number from mixmatch_fingerprints order by number`)
	if err != nil {
		return 0, err
	}
	for _, n := range numbers {
		there := false
		err := l.each(ctx, func(row pgx.CollectableRow) error {
			there = true
			var stored []byte
			e, err := l.scanEntry(row, &stored)
			if err != nil {
				return err
			}
			return l.compare(e, stored)
		}, `select `+columns+`, fingerprint from mixmatch_fingerprints where number = $1`, n)
		switch {
		case errors.Is(err, library.ErrDamaged), isDamage(err):
			problem(fmt.Sprintf("record %d: %v", n, err))
		case err != nil:
			return records, err
		case !there: // deleted meanwhile
			continue
		}
		records++
	}
	return records, nil
}

// compare checks that a record is one, and of one model.
func (l *Library) compare(e *library.Entry, stored []byte) error {
	f, err := l.readStored(e.Content, stored)
	if err != nil {
		return err
	}
	want := library.EntryOf(f)
	if *e.Coarse != *want.Coarse {
		return fmt.Errorf("%s: %w: the coarse fingerprint of %s is not that of its fingerprint", l, library.ErrDamaged, called(e))
	}
	want.Coarse = e.Coarse
	if *e != *want {
		return fmt.Errorf("%s: %w: the columns of %s are not what its fingerprint says", l, library.ErrDamaged, called(e))
	}
	return nil
}

// isDamage reports whether the server says that its own files are damaged.
func isDamage(err error) bool {
	var said *saidError
	return errors.As(err, &said) && strings.HasPrefix(said.code, "XX")
}
