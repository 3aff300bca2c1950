// Package postgres keeps a library of fingerprints in a PostgreSQL database, which many
// machines fill and read at once. docs/postgres.md tells how to set one up, and what the
// tables are.
//
// [Open] takes the URL of a database. What it returns is a [library.Library] with the
// same records as a folder has, and a queue: files are put into it ([Library.Queue]),
// and any number of workers ([Library.Worker]) take them, none twice.
package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"mixmatch/similarity/library"
)

// A Library is a library in a database.
type Library struct {
	// Damaged is told of records that Entries cannot tell of, if it is not nil; those
	// are passed over then.
	Damaged func(bad error)

	pool     *pgxpool.Pool
	database database
}

var _ library.Library = (*Library)(nil)

// connectTimeout is how long a host may take to answer, unless the URL says otherwise.
const connectTimeout = 15 * time.Second

// session is said to the server when a connection begins.
//
// What is added is on the disk when it says so. Nobody ends a session that waits for a
// worker to read its file. And a machine that is gone without a word is found out within
// two minutes, so that others get the file that it worked on.
const session = `select set_config(s.name, wanted.setting, false)
from (values
	('synchronous_commit', 'on'),
	('client_encoding', 'UTF8'),
	('idle_session_timeout', '0'),
	('tcp_keepalives_idle', '60'),
	('tcp_keepalives_interval', '15'),
	('tcp_keepalives_count', '4')
) as wanted (name, setting) join pg_settings s using (name)
where s.name <> 'synchronous_commit' or s.setting = 'off'`

// Open opens the library in the database at a URL, which begins with postgres:// or
// postgresql://. What the URL leaves out is from the variables and files that PostgreSQL's
// own programs use: PGPASSWORD, ~/.pgpass and the like. Where there are no tables yet it
// makes them if create is set, and otherwise the error wraps [library.ErrMissing]. Tables
// of another version are an error that wraps [library.ErrVersion].
//
// No error tells a password.
func Open(ctx context.Context, url string, create bool) (*Library, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, session)
		return err
	}
	l := &Library{database: databaseOf(config.ConnConfig)}
	if l.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, l.database.say(err)
	}
	there, err := look(ctx, l.pool)
	switch {
	case err == nil && !there && create:
		err = l.create(ctx)
	case err == nil && !there:
		err = fmt.Errorf("%w: \"library add\" makes one", library.ErrMissing)
	}
	if err != nil {
		l.pool.Close()
		return nil, l.database.say(err)
	}
	return l, nil
}

// Close ends all connections.
func (l *Library) Close() error {
	l.pool.Close()
	return nil
}

// String returns what the library is called where it is shown: its URL without user,
// password and settings.
func (l *Library) String() string { return l.database.String() }
