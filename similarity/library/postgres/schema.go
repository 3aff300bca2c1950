package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"mixmatch/similarity/library"
)

// version is that of the tables. Another is refused.
const version = 1

// schema makes the tables, in the first schema of the search path; docs/postgres.md tells
// of each column. The numbers of a fingerprint do not compress, and its card and the coarse
// fingerprint lie apart from it, so that they are read without it.
const schema = `
create table mixmatch_library (
	version integer not null
);

create table mixmatch_fingerprints (
	content     text    primary key,
	number      bigint  not null unique generated always as identity,
	name        text    not null,
	sha256      text    not null,
	bytes       bigint  not null,
	licence     text    not null,
	page        text    not null,
	arch        text    not null,
	variant     text    not null,
	difference  boolean not null,
	coarse      bytea   not null,
	fingerprint bytea   not null
);
alter table mixmatch_fingerprints alter column coarse set storage plain;
alter table mixmatch_fingerprints alter column fingerprint set storage external;

create table mixmatch_queue (
	path     text    primary key,
	number   bigint  not null unique generated always as identity,
	name     text    not null,
	listed   boolean not null,
	state    text    not null default 'waiting' check (state in ('waiting', 'done', 'failed', 'skipped')),
	attempts integer not null default 0,
	worker   text,
	begun    timestamptz,
	ended    timestamptz,
	content  text,
	error    text
);
create index mixmatch_queue_waiting on mixmatch_queue (attempts, number) where state = 'waiting';
`

// lock is a number of our own, by which only one process at a time makes the tables.
const lock = 0x6d6d7072696e74

// A querier is a connection, or one of many, or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// look reports whether the tables are there, and refuses those of another version.
func look(ctx context.Context, q querier) (bool, error) {
	var encoding string
	var schema *string
	var there bool
	// Of the catalog itself, which tells what others have made since this transaction began.
	err := q.QueryRow(ctx, `select current_setting('server_encoding'), current_schema(), exists (
		select from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relname = 'mixmatch_library' and n.nspname = current_schema())`).Scan(&encoding, &schema, &there)
	switch {
	case err != nil:
		return false, err
	case encoding != "UTF8":
		return false, fmt.Errorf("the database has the encoding %s, which has no room for all names; make one with createdb -E UTF8 -T template0", encoding)
	case schema == nil:
		return false, errors.New("there is no schema of its search_path in it; make it with CREATE SCHEMA")
	case !there:
		return false, nil
	}
	var found int
	err = q.QueryRow(ctx, `select version from mixmatch_library`).Scan(&found)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, fmt.Errorf("%w: its table mixmatch_library is empty", library.ErrDamaged)
	case err != nil:
		return false, err
	case found != version:
		return false, fmt.Errorf("%w: it is of version %d, and this program knows %d; use the mixmatch that made it", library.ErrVersion, found, version)
	}
	return true, nil
}

// create makes the tables, unless another process does.
func (l *Library) create(ctx context.Context) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(lock)); err != nil {
			return err
		}
		if there, err := look(ctx, tx); err != nil || there {
			return err
		}
		if _, err := tx.Exec(ctx, schema); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into mixmatch_library (version) values ($1)`, version)
		return err
	})
}
