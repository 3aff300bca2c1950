package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"mixmatch/similarity/fingerprint"
)

// A Worker takes files from the queue, one at a time. While it has one, its connection
// holds a lock of the session: when the process ends, in whatever way, the server frees it
// and the file is there for others.
type Worker struct {
	library *Library
	conn    *pgxpool.Conn
	name    string
}

// Worker returns a worker of that name, which tells people where it is. It keeps a
// connection, so there cannot be more than the URL's pool_max_conns.
func (l *Library) Worker(ctx context.Context, name string) (*Worker, error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return nil, l.database.say(err)
	}
	return &Worker{l, conn, clean(name)}, nil
}

// Close ends the worker and its connection, and so gives back what it holds.
func (w *Worker) Close() {
	// The lock is the session's: it must not go back to the pool with it.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = w.conn.Hijack().Close(ctx)
}

// Take takes a file that nobody has, the first of those tried least. It returns nil if
// there is none, and how many others work on.
func (w *Worker) Take(ctx context.Context) (j *Job, others int, err error) {
	for {
		j, busy, err := w.try(ctx)
		switch {
		case err != nil:
			return nil, 0, w.library.database.say(err)
		case busy:
			continue // somebody else was faster
		case j == nil:
			err := w.conn.QueryRow(ctx, `select count(*) from mixmatch_queue where state = 'waiting'`).Scan(&others)
			return nil, others, w.library.database.say(err)
		case j.attempts <= maxAttempts:
			return j, 0, nil
		}
		reason := fmt.Sprintf("%d workers ended without a word while they read it, perhaps for lack of memory; --retry has it tried again", maxAttempts)
		if err := w.Fail(ctx, j, reason); err != nil {
			return nil, 0, err
		}
	}
}

// try takes a file, or says that another worker was faster.
func (w *Worker) try(ctx context.Context) (j *Job, busy bool, err error) {
	err = pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
		j = &Job{}
		err := tx.QueryRow(ctx, `select number, path, name, listed, attempts + 1 from mixmatch_queue
			where state = 'waiting' and number not in (`+taken+`)
			order by attempts, number limit 1 for update skip locked`).Scan(&j.number, &j.Path, &j.Name, &j.Listed, &j.attempts)
		if errors.Is(err, pgx.ErrNoRows) {
			j = nil
			return nil
		}
		if err != nil {
			return err
		}
		// The lock of the row ends with this transaction, that of the session with the work.
		var got bool
		if err := tx.QueryRow(ctx, `select pg_try_advisory_lock('mixmatch_queue'::regclass::oid::integer, $1::integer)`, j.number).Scan(&got); err != nil {
			return err
		}
		if !got {
			busy = true
			return nil
		}
		_, err = tx.Exec(ctx, `update mixmatch_queue set attempts = attempts + 1, worker = $2, begun = now(), ended = null where number = $1`, j.number, w.name)
		return err
	})
	return j, busy, err
}

// Finish adds the fingerprint of a file and marks the file as done, both or neither. It
// returns false if there was one of that content.
func (w *Worker) Finish(ctx context.Context, j *Job, f *fingerprint.Fingerprint) (added bool, err error) {
	row, err := w.library.row(f)
	if err != nil {
		return false, err
	}
	err = pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, insert, row...)
		if err != nil {
			return err
		}
		added = tag.RowsAffected() == 1
		_, err = tx.Exec(ctx, markDone, j.number, f.Content)
		return err
	})
	if err != nil {
		return false, w.library.database.say(err)
	}
	return added, w.release(ctx, j)
}

const markDone = `update mixmatch_queue set state = 'done', content = $2, error = null, ended = now() where number = $1`

// Known marks a file as done whose content is in the library already.
func (w *Worker) Known(ctx context.Context, j *Job, content string) error {
	return w.mark(ctx, j, markDone, content)
}

// Fail marks a file as one that cannot be read, and says why.
func (w *Worker) Fail(ctx context.Context, j *Job, reason string) error {
	return w.mark(ctx, j, `update mixmatch_queue set state = 'failed', error = $2, ended = now() where number = $1`, reason)
}

// Skip marks a file as one that nobody wants, such as a VAE in a folder of models.
func (w *Worker) Skip(ctx context.Context, j *Job, reason string) error {
	return w.mark(ctx, j, `update mixmatch_queue set state = 'skipped', error = $2, ended = now() where number = $1`, reason)
}

func (w *Worker) mark(ctx context.Context, j *Job, statement, text string) error {
	if _, err := w.conn.Exec(ctx, statement, j.number, clean(text)); err != nil {
		return w.library.database.say(err)
	}
	return w.release(ctx, j)
}

// GiveBack lets others have a file that this worker will not finish, as if it had never
// had it.
func (w *Worker) GiveBack(ctx context.Context, j *Job) error {
	_, err := w.conn.Exec(ctx, `update mixmatch_queue set attempts = attempts - 1, worker = null, begun = null where number = $1`, j.number)
	if err != nil {
		return w.library.database.say(err)
	}
	return w.release(ctx, j)
}

func (w *Worker) release(ctx context.Context, j *Job) error {
	_, err := w.conn.Exec(ctx, `select pg_advisory_unlock('mixmatch_queue'::regclass::oid::integer, $1::integer)`, j.number)
	return w.library.database.say(err)
}

// clean returns a text as PostgreSQL has room for it.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "")
}
