package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"mixmatch/merge/safetext"
	"mixmatch/studies"
)

// How often a stream looks for what is new, and how it is bounded.
const (
	lookEvery   = 200 * time.Millisecond
	wholeEvery  = 5   // looks between two at what other processes do
	aliveEvery  = 50  // looks between two signs of life
	mostPoints  = 600 // of a search's way that are told
	rateWindow  = 3.0 // seconds
	writeWithin = 10 * time.Second
)

// A move is what is new of a search.
type move struct {
	Name   string       `json:"name"`
	Trials int          `json:"trials"`
	Best   float64      `json:"best"`   // the least value: 1 - similarity
	Rate   float64      `json:"rate"`   // trials a second, lately
	Points [][2]float64 `json:"points"` // number of the trial and its value, where the best fell
	Anew   bool         `json:"anew,omitempty"`
}

// events streams what moves of a study, until the client or the server ends it.
//
//	event: state       a state, when it has changed
//	event: searches    the moves of its searches: all there is at first, then what is new
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	dir, err := s.folderOf(nameOf(r))
	if err == nil && r.URL.Query().Has("once") { // for those who cannot follow
		err = s.once(w, r, dir)
		if err == nil {
			return
		}
	}
	var f *studies.Follower
	if err == nil {
		f, err = studies.Follow(dir)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	c := http.NewResponseController(w)
	st := stream{server: s, dir: dir, follower: f, searches: map[string]*way{}, patience: lookEvery, send: func(text []byte) error {
		_ = c.SetWriteDeadline(time.Now().Add(writeWithin))
		if _, err := w.Write(text); err != nil {
			return err
		}
		return c.Flush()
	}}
	st.run(r.Context())
}

// once answers with one look at a study, as JSON.
func (s *Server) once(w http.ResponseWriter, r *http.Request, dir string) error {
	f, err := studies.Follow(dir)
	if err != nil {
		return err
	}
	st := stream{server: s, dir: dir, follower: f, searches: map[string]*way{}, patience: writeWithin}
	moves, err := st.moves(r.Context())
	if err != nil {
		return err
	}
	text, err := encode(map[string]any{"state": s.stateOf(dir, s.factOf(dir)), "searches": moves})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(text)
	return err
}

// A stream tells one client of one study.
type stream struct {
	server   *Server
	dir      string
	follower *studies.Follower
	send     func(text []byte) error
	searches map[string]*way
	told     []byte // the state, as it was told last
	looks    int
	patience time.Duration // how long to read at a time
	looked   time.Time     // at the searches, last
}

// A way is how a search has gone so far.
type way struct {
	trials int
	best   float64
	points int
	recent []tick
}

// A tick says how many trials there were at a time.
type tick struct {
	at     time.Time
	trials int
}

// run tells what is new until the context ends or the client is gone.
func (st *stream) run(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		if err := st.look(ctx); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look tells what is new.
func (st *stream) look(ctx context.Context) error {
	moves, err := st.moves(ctx)
	if errors.Is(err, context.Canceled) {
		return err
	}
	if len(moves) > 0 {
		if err := st.event("searches", moves); err != nil {
			return err
		}
	}
	st.server.mu.Lock()
	r := st.server.runs[st.dir]
	st.server.mu.Unlock()
	if st.looks%wholeEvery == 0 || r != nil {
		s := st.server.stateOf(st.dir, st.server.factOf(st.dir))
		if err != nil && s.Error == "" {
			s.Error = safetext.Line(err.Error())
		}
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if !bytes.Equal(text, st.told) {
			st.told = text
			if err := st.event("state", s); err != nil {
				return err
			}
		}
	}
	st.looks++
	if st.looks%aliveEvery == 0 {
		return st.send([]byte(": alive\n\n"))
	}
	return nil
}

// event sends an event.
func (st *stream) event(name string, v any) error {
	text, err := encode(v)
	if err != nil {
		return err
	}
	return st.send(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, bytes.TrimSpace(text)))
}

// moves returns what is new of the searches.
func (st *stream) moves(ctx context.Context) ([]move, error) {
	now := time.Now()
	all := map[string]*move{}
	var order []string
	// A study that runs is never read to its end: what is more is told the next time.
	for time.Since(now) < st.patience {
		news, err := st.follower.Next()
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(news) == 0 {
			break
		}
		for _, n := range news {
			m := all[n.Search]
			if m == nil {
				m = &move{Name: n.Search, Points: [][2]float64{}}
				all[n.Search] = m
				order = append(order, n.Search)
			}
			st.take(m, &n)
		}
	}
	for name, w := range st.searches {
		if len(w.recent) == 0 {
			w.recent = []tick{{now, w.trials}} // there before anybody looked: of no known speed
			if !st.looked.IsZero() {
				w.recent = []tick{{st.looked, 0}}
			}
		}
		before := w.rate()
		w.recent = append(w.recent, tick{now, w.trials})
		for len(w.recent) > 2 && now.Sub(w.recent[1].at).Seconds() > rateWindow {
			w.recent = w.recent[1:]
		}
		if m := all[name]; m != nil {
			m.Rate = w.rate()
		} else if before > 0 && w.rate() == 0 { // it has come to a stand
			all[name] = &move{Name: name, Trials: w.trials, Best: w.best, Points: [][2]float64{}}
		}
	}
	st.looked = now
	moves := []move{}
	for _, name := range order {
		moves = append(moves, *all[name])
		delete(all, name)
	}
	for _, name := range st.follower.Names() { // those at a stand
		if m := all[name]; m != nil {
			moves = append(moves, *m)
		}
	}
	return moves, nil
}

// rate returns how many trials a second there were lately.
func (w *way) rate() float64 {
	first, last := w.recent[0], w.recent[len(w.recent)-1]
	if took := last.at.Sub(first.at).Seconds(); took > 0 {
		return float64(last.trials-first.trials) / took
	}
	return 0
}

// take adds what is new of a search.
func (st *stream) take(m *move, n *studies.News) {
	w := st.searches[n.Search]
	if w == nil || n.Anew {
		w = &way{best: math.Inf(1)}
		st.searches[n.Search] = w
		m.Points, m.Anew = [][2]float64{}, n.Anew
	}
	for _, t := range n.Trials {
		w.trials++
		if t.Value < w.best {
			w.best = t.Value
			if w.points < mostPoints {
				w.points++
				m.Points = append(m.Points, [2]float64{float64(t.Number), t.Value})
			}
		}
	}
	m.Trials, m.Best = w.trials, w.best
	if w.trials == 0 {
		m.Best = 1 // of no trial at all
	}
}
