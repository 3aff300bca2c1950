package live

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/durable"
	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/studies"
	"mixmatch/studies/report"
)

// mostRuns is how many studies run at a time. Each takes all processors.
const mostRuns = 2

// The states of a study.
const (
	running   = "running"   // in this process
	elsewhere = "elsewhere" // another process holds it
	finished  = "finished"
	stopped   = "stopped" // it has no result yet and nobody works on it
	damaged   = "damaged"
)

// A run is a study that this process runs, or has run.
type run struct {
	study *studies.Study
	stop  context.CancelFunc
	done  chan struct{}

	mu       sync.Mutex // guards what follows
	progress studies.Progress
	begun    time.Time // when its stage began
	first    int64     // what was done of it then
	notes    []string
	err      error // what it came to; for all to read when done is closed
}

func (r *run) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// begin runs a study, which it closes in the end. s.mu is held.
func (s *Server) begin(study *studies.Study) {
	ctx, stop := context.WithCancel(s.ctx)
	r := &run{study: study, stop: stop, done: make(chan struct{}), begun: time.Now()}
	s.runs[study.Dir] = r
	s.work.Go(func() {
		defer stop()
		err := s.execute(ctx, r)
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
		s.mu.Lock()
		s.found = found{}
		s.mu.Unlock()
		close(r.done)
	})
}

// execute runs a study to its end, as the command line does.
func (s *Server) execute(ctx context.Context, r *run) error {
	sum, err := r.study.Run(ctx, studies.Options{Threads: s.options.Threads, Cache: s.options.Cache, Progress: r.tell, Note: r.note})
	if err == nil {
		var text bytes.Buffer
		if err = report.Text(&text, sum, report.Page{}); err == nil {
			err = durable.WriteFile(filepath.Join(r.study.Dir, "report.txt"), text.Bytes())
		}
	}
	if unfit(err) { // nothing that a resume could mend
		return errors.Join(err, r.study.Discard())
	}
	return errors.Join(err, r.study.Close())
}

// unfit reports whether err means that the models, now that they have been read, are
// damaged or do not fit the search.
func unfit(err error) bool {
	return errors.Is(err, merge.ErrMismatch) || errors.Is(err, merge.ErrNonFinite) || errors.Is(err, checkpoint.ErrFormat) ||
		errors.Is(err, similarity.ErrNoFit) || errors.Is(err, studies.ErrInvalid)
}

// tell notes how far the run is.
func (r *run) tell(p studies.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Stage != r.progress.Stage || p.Total != r.progress.Total || p.Done < r.first {
		r.begun, r.first = time.Now(), p.Done
	}
	r.progress = p
}

// note keeps what is assumed of the files.
func (r *run) note(text string) {
	const most = 100
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.notes) < most {
		r.notes = append(r.notes, safetext.Line(text))
	}
}

// A state is what moves of a study, but for its trials.
type state struct {
	State string   `json:"state"`
	Stage string   `json:"stage,omitempty"`
	Done  int64    `json:"done,omitempty"`
	Total int64    `json:"total,omitempty"`
	Bytes bool     `json:"bytes,omitempty"`
	Rate  float64  `json:"rate,omitempty"` // of what is done, per second
	Left  float64  `json:"left,omitempty"` // seconds
	Notes []string `json:"notes,omitempty"`
	Error string   `json:"error,omitempty"`
	Since int64    `json:"since,omitempty"` // the result's time, to know a new one by
	Job   *jobLine `json:"job,omitempty"`
}

// stateOf returns the state of the study in dir.
func (s *Server) stateOf(dir string, f fact) state {
	s.mu.Lock()
	r := s.runs[dir]
	job := s.jobs[dir]
	s.mu.Unlock()
	st := state{Job: job.line()}
	if !f.at.IsZero() {
		st.Since = f.at.UnixNano()
	}
	if r != nil {
		r.describe(&st)
		if !r.over() {
			st.State = running
			return st
		}
	}
	switch {
	case studies.Running(dir):
		st.State = elsewhere
	case f.err != nil:
		st.State = damaged
		st.Error = safetext.Line(f.err.Error())
	case f.sum != nil:
		st.State = finished
	default:
		st.State = stopped
	}
	return st
}

// describe says how far the run is, or how it ended.
func (r *run) describe(st *state) {
	over := r.over()
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Notes = slices.Clone(r.notes)
	if over {
		if r.err != nil && !errors.Is(r.err, context.Canceled) {
			st.Error = safetext.Line(r.err.Error())
		}
		return
	}
	p := r.progress
	st.Stage, st.Done, st.Total, st.Bytes = safetext.Line(p.Stage), p.Done, p.Total, p.Bytes
	if took := time.Since(r.begun).Seconds(); took > 0.5 && p.Done > r.first {
		st.Rate = float64(p.Done-r.first) / took
		if p.Total > p.Done {
			st.Left = float64(p.Total-p.Done)/st.Rate + p.Later.Seconds()
		}
	}
}

// A which names a study.
type which struct {
	Study string `json:"study"`
}

// resume answers a request to go on with a study.
func (s *Server) resume(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q which
	if err := read(r, &q); err != nil {
		return nil, err
	}
	dir, err := s.folderOf(q.Study)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(dir); err != nil {
		return nil, err
	}
	study, err := studies.Open(dir)
	if err != nil {
		return nil, err
	}
	s.begin(study)
	return which{q.Study}, nil
}

// room returns an error unless the study in dir may be run. s.mu is held.
func (s *Server) room(dir string) error {
	if s.ctx.Err() != nil {
		return conflict("the server is stopping")
	}
	n := 0
	for at, r := range s.runs {
		if r.over() {
			continue
		}
		if at == dir {
			return conflict("the study runs already")
		}
		n++
	}
	if n >= mostRuns {
		return conflict("%d studies run already: wait for one, or stop one", n)
	}
	return nil
}

// halt answers a request to stop a study: when it is stopped, with everything
// finished kept.
func (s *Server) halt(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q which
	if err := read(r, &q); err != nil {
		return nil, err
	}
	dir, err := s.inside(q.Study, false)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	now := s.runs[dir]
	s.mu.Unlock()
	if now == nil || now.over() {
		return nil, conflict("the study does not run here: what another process runs can only be stopped there")
	}
	now.stop()
	select {
	case <-now.done:
	case <-r.Context().Done():
	}
	return which{q.Study}, nil
}
