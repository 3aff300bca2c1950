package live

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"mixmatch/merge/safetext"
)

// A job is long work on a study beside its run: a merge, or an export that needs the
// hashes of the models. A study has one at a time.
type job struct {
	what string
	stop context.CancelFunc
	over chan struct{}

	mu          sync.Mutex // guards what follows
	stage       string
	done, total int64
	result      string // what it came to, in words
	notes       []string
	err         error
	began       time.Time
}

// A jobLine is what pages are told of a job.
type jobLine struct {
	What   string   `json:"what"`
	State  string   `json:"state"` // running, finished, stopped, or failed
	Stage  string   `json:"stage,omitempty"`
	Done   int64    `json:"done,omitempty"`
	Total  int64    `json:"total,omitempty"`
	Result string   `json:"result,omitempty"`
	Notes  []string `json:"notes,omitempty"`
	Error  string   `json:"error,omitempty"`
}

// line returns what pages are told of the job; nil for none.
func (j *job) line() *jobLine {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	l := &jobLine{What: j.what, State: running, Stage: j.stage, Done: j.done, Total: j.total}
	select {
	case <-j.over:
		l.State, l.Stage, l.Result, l.Notes = finished, "", j.result, j.notes
		switch {
		case errors.Is(j.err, context.Canceled):
			l.State = stopped
		case j.err != nil:
			l.State, l.Error = "failed", safetext.Line(j.err.Error())
		}
	default:
	}
	return l
}

// tell notes how far the job is.
func (j *job) tell(stage string, done, total int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stage, j.done, j.total = stage, done, total
}

// begins starts a job on the study in dir. It ends when it is done or canceled, or the
// server stops.
func (s *Server) begins(dir, what string, do func(ctx context.Context, j *job) (result string, notes []string, err error)) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, conflict("the server is stopping")
	}
	for _, j := range s.jobs {
		select {
		case <-j.over:
		default:
			return nil, conflict("%s is under way: wait for it, or cancel it", j.what)
		}
	}
	ctx, stop := context.WithCancel(s.ctx)
	j := &job{what: what, stop: stop, over: make(chan struct{}), began: time.Now()}
	s.jobs[dir] = j
	s.work.Go(func() {
		defer stop()
		defer close(j.over)
		result, notes, err := do(ctx, j)
		for i, n := range notes {
			notes[i] = safetext.Line(n)
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.result, j.notes, j.err = result, notes, err
	})
	return j, nil
}

// cancel answers a request to stop the job of a study.
func (s *Server) cancel(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q which
	if err := read(r, &q); err != nil {
		return nil, err
	}
	dir, err := s.folderOf(q.Study)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	j := s.jobs[dir]
	s.mu.Unlock()
	if j == nil {
		return nil, conflict("there is nothing under way")
	}
	j.stop()
	select {
	case <-j.over:
	case <-r.Context().Done():
	}
	return which{q.Study}, nil
}
