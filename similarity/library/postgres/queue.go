package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// maxAttempts is how many workers may end without a word while they read a file, until
// it is not tried again: the file may be what ends them.
const maxAttempts = 3

// A Job is a file in the queue.
type Job struct {
	Path   string // as the workers find it
	Name   string // that the model is to be called; "" for that of the file
	Listed bool   // it is in a folder that was named, or fits a wildcard

	number   int64
	attempts int
}

// Queue puts files into the queue, and returns how many were not in it: a path is there
// once, whatever became of it.
func (l *Library) Queue(ctx context.Context, jobs []Job) (added int, err error) {
	var paths, names []string
	var listed []bool
	for _, j := range jobs {
		paths, names, listed = append(paths, j.Path), append(names, j.Name), append(listed, j.Listed)
	}
	tag, err := l.pool.Exec(ctx, `insert into mixmatch_queue (path, name, listed)
		select path, name, listed from unnest($1::text[], $2::text[], $3::boolean[]) with ordinality as given (path, name, listed, place)
		where not exists (select from mixmatch_queue q where q.path = given.path)
		order by place on conflict (path) do nothing`, paths, names, listed)
	return int(tag.RowsAffected()), l.database.say(err)
}

// Retry lets the files that failed be taken again, and returns how many.
func (l *Library) Retry(ctx context.Context) (files int, err error) {
	tag, err := l.pool.Exec(ctx, `update mixmatch_queue set state = 'waiting', attempts = 0, error = null where state = 'failed'`)
	return int(tag.RowsAffected()), l.database.say(err)
}

// A Status is how far the files in a queue are.
type Status struct {
	Waiting int       `json:"waiting"` // for a worker
	Working []Working `json:"working"` // in the order in which they were taken
	Done    int       `json:"done"`
	Skipped []Failure `json:"skipped"` // what in folders is no model; in the order of the queue
	Failed  []Failure `json:"failed"`
}

// Working is a file that a worker reads.
type Working struct {
	Path   string `json:"path"`
	Worker string `json:"worker"`
}

// A Failure is a file that could not be read.
type Failure struct {
	Path   string `json:"path"`
	Worker string `json:"worker"`
	Error  string `json:"error"`
}

// taken are the numbers of the files that workers hold, by the locks of their sessions.
const taken = `select objid::bigint from pg_locks
	where locktype = 'advisory' and classid = 'mixmatch_queue'::regclass and objsubid = 2 and granted
	and database = (select oid from pg_database where datname = current_database())`

// Status tells how far the queue is.
func (l *Library) Status(ctx context.Context) (*Status, error) {
	s := &Status{Working: []Working{}, Skipped: []Failure{}, Failed: []Failure{}}
	err := l.pool.QueryRow(ctx, `select count(*) filter (where state = 'waiting'), count(*) filter (where state = 'done') from mixmatch_queue`).Scan(&s.Waiting, &s.Done)
	if err != nil {
		return nil, l.database.say(err)
	}
	err = l.each(ctx, func(row pgx.CollectableRow) error {
		var w Working
		err := row.Scan(&w.Path, &w.Worker)
		s.Working = append(s.Working, w)
		return l.database.say(err)
	}, `select path, coalesce(worker, '') from mixmatch_queue where state = 'waiting' and number in (`+taken+`) order by begun, number`)
	if err != nil {
		return nil, err
	}
	s.Waiting -= min(s.Waiting, len(s.Working))
	err = l.each(ctx, func(row pgx.CollectableRow) error {
		var f Failure
		var skipped bool
		err := row.Scan(&f.Path, &f.Worker, &f.Error, &skipped)
		if skipped {
			s.Skipped = append(s.Skipped, f)
		} else {
			s.Failed = append(s.Failed, f)
		}
		return l.database.say(err)
	}, `select path, coalesce(worker, ''), coalesce(error, ''), state = 'skipped' from mixmatch_queue where state in ('failed', 'skipped') order by number`)
	return s, err
}
