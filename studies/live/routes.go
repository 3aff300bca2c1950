package live

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/exchange"
	"mixmatch/merge/safetext"
	"mixmatch/merge/stepwise"
	"mixmatch/similarity"
	"mixmatch/studies"
)

//go:embed pages
var pages embed.FS

// routes says who answers what.
func (s *Server) routes(mux *http.ServeMux) {
	for path, file := range map[string]string{"/{$}": "index.html", "/study": "study.html", "/desk": "desk.html"} {
		mux.HandleFunc("GET "+path, page(file))
	}
	files, _ := fs.Sub(pages, "pages")
	mux.Handle("GET /pages/", http.StripPrefix("/pages/", http.FileServerFS(files)))

	mux.HandleFunc("GET /api/studies", answer(s.list))
	mux.HandleFunc("GET /api/study", answer(s.study))
	mux.HandleFunc("GET /api/files", answer(s.files))
	mux.HandleFunc("GET /api/desk", answer(s.desk))
	mux.HandleFunc("GET /api/products", s.products)
	mux.HandleFunc("GET /api/events", s.events)

	mux.HandleFunc("POST /api/start", answer(s.start))
	mux.HandleFunc("POST /api/resume", answer(s.resume))
	mux.HandleFunc("POST /api/stop", answer(s.halt))
	mux.HandleFunc("POST /api/best", answer(s.best))
	mux.HandleFunc("POST /api/save", answer(s.save))
	mux.HandleFunc("POST /api/export", answer(s.export))
	mux.HandleFunc("POST /api/merge", answer(s.merge))
	mux.HandleFunc("POST /api/cancel", answer(s.cancel))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, &refusal{http.StatusNotFound, "there is nothing at " + safetext.Short(r.URL.Path, 200)})
	})
}

// page answers with one of the pages.
func page(file string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pages, "pages/"+file) }
}

// answer makes a handler of a function that returns what is to be written as JSON.
func answer(f func(w http.ResponseWriter, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		text, err := encode(v)
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}
}

// encode returns v as JSON, in which no sign acts on what shows it.
func encode(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // pages show text as text
	err := enc.Encode(v)
	return text.Bytes(), err
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	text, _ := encode(map[string]string{"error": safetext.Line(err.Error())})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status(err))
	_, _ = w.Write(text)
}

// status returns the HTTP status for an error.
func status(err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r.status
	case is(studies.ErrMissing):
		return http.StatusNotFound
	case is(studies.ErrLocked, studies.ErrExists, studies.ErrPending, studies.ErrChanged, fs.ErrExist):
		return http.StatusConflict
	case is(studies.ErrInvalid, merge.ErrMismatch, merge.ErrNonFinite, checkpoint.ErrFormat, stepwise.ErrRecipe, exchange.ErrCannot,
		similarity.ErrNoFit, similarity.ErrEmpty, fs.ErrNotExist):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// name returns the study that a request is about.
func nameOf(r *http.Request) string {
	if n := r.URL.Query().Get("s"); n != "" {
		return strings.TrimSuffix(n, "/")
	}
	return "."
}
