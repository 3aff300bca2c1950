package live

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tokenHeader brings the token. A page of another origin cannot send it without
// being asked for leave, which is never given.
const tokenHeader = "X-Mixmatch-Token"

// policy lets the pages load what comes with them and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler answers requests to 127.0.0.1 at the port.
//
// It refuses what names another host, as a page does that has its own name point to
// 127.0.0.1 (DNS rebinding), and what comes from another origin. All that changes or
// starts something is a POST of JSON with the token.
func (s *Server) Handler(port int) http.Handler {
	mux := http.NewServeMux()
	s.routes(mux)
	hosts := map[string]bool{}
	for _, name := range []string{"127.0.0.1", "localhost"} {
		hosts[name+":"+strconv.Itoa(port)] = true
		if port == 80 {
			hosts[name] = true
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if err := s.admit(r, hosts); err != nil {
			refuse(w, err)
			return
		}
		// All of the body is read now, while there is a limit to the time for it: later one
		// would end answers that take longer.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyBytes))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			refuse(w, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is longer than %d bytes", large.Limit)})
			return
		case err != nil:
			refuse(w, wrong("the request ends too soon: %v", err))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c := http.NewResponseController(w)
		_ = c.SetReadDeadline(time.Time{})
		_ = c.SetWriteDeadline(time.Now().Add(answerTime))
		mux.ServeHTTP(w, r)
	})
}

// admit returns an error unless the request comes from one of the server's own pages
// or was typed in.
func (s *Server) admit(r *http.Request, hosts map[string]bool) error {
	if !hosts[strings.ToLower(r.Host)] {
		return deny("this server answers to 127.0.0.1 and localhost alone")
	}
	if o, there := r.Header["Origin"]; there {
		if len(o) != 1 || !hosts[strings.TrimPrefix(strings.ToLower(o[0]), "http://")] || !strings.HasPrefix(strings.ToLower(o[0]), "http://") {
			return deny("the request comes from a page of another origin")
		}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return deny("the request comes from another site")
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return nil
	case http.MethodPost:
	default:
		return &refusal{http.StatusMethodNotAllowed, "only GET and POST are answered"}
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(s.Token)) != 1 {
		return deny("the token is missing or wrong: open the address that mixmatch serve printed")
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return &refusal{http.StatusUnsupportedMediaType, "requests are JSON"}
	}
	return nil
}

// A refusal is an error with its HTTP status.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func deny(text string) error { return &refusal{http.StatusForbidden, text} }

func wrong(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &refusal{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// read reads a request's JSON into v: one value, with no field that is not known.
func read(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is something behind it")
		}
	}
	if err == nil {
		return nil
	}
	return wrong("the request cannot be read: %v", err)
}

// silent is a log that nobody reads: what clients do wrong is theirs to know.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }

// limit returns l with at most n connections open at a time.
func limit(l net.Listener, n int) net.Listener {
	return &limited{l, make(chan struct{}, n), make(chan struct{}), sync.Once{}}
}

type limited struct {
	net.Listener
	room   chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &counted{Conn: c, release: func() { <-l.room }}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type counted struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *counted) Close() error {
	defer c.once.Do(c.release)
	return c.Conn.Close()
}
