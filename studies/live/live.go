// Package live shows the studies of a folder in the browser while they run, and
// lets a recipe be tuned by hand.
//
// A [Server] answers on 127.0.0.1 alone. Its pages are static files; what moves is
// told by server-sent events, which are read from the journals, so that a study run
// by another process is followed as well. It starts, stops and resumes studies in
// its own process, each under its lock, by the same code as the command line does.
//
// The mixing desk needs no model: the page gets the inner products of each block, a
// few kilobytes, and computes from them what a moved slider comes to, by the formulas
// of package similarity. The server solves for the best of the ratios left free,
// writes recipes down, exports and merges them.
//
// What may be asked of it is narrow; guard.go says how.
package live

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mixmatch/merge/cache"
)

// Options are how a [Server] works.
type Options struct {
	Dir     string       // the folder of studies and models
	Threads int          // of each study; 0 for one a processor
	Cache   *cache.Cache // of what was computed from files before; nil for none
}

// A Server shows the studies of a folder and runs some of them.
type Server struct {
	// Token is what a request that changes or starts something must bring.
	Token string

	root    string // the folder, without links
	options Options
	ctx     context.Context // ends when the server stops
	stop    context.CancelFunc
	work    sync.WaitGroup // runs and jobs

	mu    sync.Mutex // guards what follows
	runs  map[string]*run
	jobs  map[string]*job
	facts map[string]fact
	desks []*desk // those asked for last come last
	found found
}

// New returns a server for the folder of o.
func New(o Options) (*Server, error) {
	root, err := filepath.Abs(o.Dir)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: that is a file: name the folder that holds the studies", o.Dir)
	}
	secret := make([]byte, 24)
	_, _ = rand.Read(secret) // never fails
	s := &Server{
		Token: base64.RawURLEncoding.EncodeToString(secret), root: root, options: o,
		runs: map[string]*run{}, jobs: map[string]*job{}, facts: map[string]fact{},
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Listen takes a port of 127.0.0.1, 0 for any that is free.
func Listen(port int) (net.Listener, error) {
	return net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
}

// Bounds of requests. An answer that streams, or waits for work, sets its own time.
const (
	headerTime   = 5 * time.Second
	bodyTime     = 30 * time.Second
	answerTime   = 5 * time.Minute
	idleTime     = 2 * time.Minute
	headerBytes  = 16 << 10
	bodyBytes    = 1 << 20
	closingTime  = 5 * time.Second
	mostConnects = 256
)

// Serve answers on l, which it closes, until ctx is done. Then it stops what runs,
// waits until all of that is safe on the disk, and returns the folders of the studies
// that were stopped, sorted.
func (s *Server) Serve(ctx context.Context, l net.Listener) (stopped []string, err error) {
	server := &http.Server{
		Handler:           s.Handler(l.Addr().(*net.TCPAddr).Port),
		ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: headerBytes,
		BaseContext:    func(net.Listener) context.Context { return s.ctx },
		ErrorLog:       silent(),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(limit(l, mostConnects)) }()
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopped = s.Close()
	closing, cancel := context.WithTimeout(context.Background(), closingTime)
	defer cancel()
	if bad := server.Shutdown(closing); bad != nil {
		_ = server.Close() // a browser that keeps a connection open is no reason to wait
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return stopped, err
}

// Close stops what runs and waits for it. It returns the folders of the studies that
// were stopped, sorted.
func (s *Server) Close() (stopped []string) {
	s.mu.Lock()
	s.stop()
	for _, r := range s.runs {
		if !r.over() {
			stopped = append(stopped, r.study.Dir)
		}
	}
	s.mu.Unlock()
	s.work.Wait()
	stopped = slices.DeleteFunc(stopped, func(dir string) bool { return !s.unfinished(dir) })
	slices.Sort(stopped)
	return stopped
}

// unfinished reports whether the last run of the study in dir was stopped.
func (s *Server) unfinished(dir string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		if r.study.Dir == dir && errors.Is(r.err, context.Canceled) {
			return true
		}
	}
	return false
}
