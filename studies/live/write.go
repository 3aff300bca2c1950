package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mixmatch/merge"
	"mixmatch/merge/durable"
	"mixmatch/merge/exchange"
	"mixmatch/merge/open"
	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
	"mixmatch/studies"
)

// A saving asks for a recipe in the study's folder.
type saving struct {
	tuning
	Name    string `json:"name"`
	Replace bool   `json:"replace"`
}

// save answers a request to save the desk's recipe.
func (s *Server) save(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q saving
	if err := read(r, &q); err != nil {
		return nil, err
	}
	if err := plainName(q.Name); err != nil {
		return nil, err
	}
	rec, d, err := s.recipe(r.Context(), &q.tuning)
	if err != nil {
		return nil, err
	}
	text, err := d.text(rec)
	if err != nil {
		return nil, err
	}
	folder, err := s.inside(s.nameIn(filepath.Join(d.dir, savedDir)), true)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	path, err := s.inside(s.nameIn(filepath.Join(folder, q.Name+".txt")), true)
	if err != nil {
		return nil, err
	}
	f, err := durable.Create(path, int64(len(text)), q.Replace)
	if errors.Is(err, fs.ErrExist) {
		return nil, conflict("there is a recipe called %s: choose another name, or replace it", safetext.Quote(q.Name))
	}
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(text); err != nil {
		f.Abort()
		return nil, err
	}
	if err := f.Commit(); err != nil {
		return nil, err
	}
	saved, err := s.saved(d.dir)
	return struct {
		Path  string   `json:"path"`
		Saved []string `json:"saved"`
	}{s.nameIn(path), saved}, err
}

// text returns a recipe as it is saved: with its similarity in front. It is read back,
// since what is written must be what is meant.
func (d *desk) text(r *recipe.Recipe) ([]byte, error) {
	remark, err := d.told(r)
	if err != nil {
		return nil, err
	}
	text := "# tuned by hand\n" + remark + r.String()
	again, err := recipe.Parse(r.Layout, text, recipe.Options{})
	if err != nil {
		return nil, fmt.Errorf("the recipe cannot be read back: %w", err)
	}
	if again.String() != r.String() {
		return nil, errors.New("the recipe cannot be read back as it is")
	}
	return []byte(text), nil
}

// A format is a kind of document that recipes are exported as.
type format struct {
	Name string `json:"name"`
	Ext  string `json:"ext"`
	Doc  string `json:"doc"`
}

// formats returns those that can be written.
func formats() []format {
	var all []format
	for _, f := range exchange.Formats() {
		if f.CanWrite {
			all = append(all, format{f.Name, f.Ext, f.Doc})
		}
	}
	return all
}

// An exporting asks for a document.
type exporting struct {
	tuning
	Format string `json:"format"`
	Half   bool   `json:"half"` // ask the program that will merge to save as fp16
	Hash   bool   `json:"hash"` // name the models by their hashes, which reads them
}

// A document is a recipe for another program.
type document struct {
	Name  string   `json:"name"`
	Text  string   `json:"text"`
	Notes []string `json:"notes"`
}

// export answers with the desk's recipe as a document. Where hashes are needed it
// waits for them; pages see how far that is.
func (s *Server) export(w http.ResponseWriter, r *http.Request) (any, error) {
	var q exporting
	if err := read(r, &q); err != nil {
		return nil, err
	}
	formats := formats()
	at := slices.IndexFunc(formats, func(f format) bool { return f.Name == q.Format })
	if at < 0 {
		return nil, wrong("no format %s", safetext.Quote(q.Format))
	}
	rec, d, err := s.recipe(r.Context(), &q.tuning)
	if err != nil {
		return nil, err
	}
	out := document{Name: exportName(filepath.Base(d.dir)) + formats[at].Ext, Notes: []string{}}
	files, err := studies.OpenFiles(d.dir)
	if err != nil {
		return nil, err
	}
	opt := exchange.Options{Date: time.Now(), Half: q.Half, Models: map[string]exchange.Model{}}
	for _, name := range files.Names() {
		first := open.Paths(files.Path(name))[0]
		opt.Models[name] = exchange.Model{File: filepath.Base(first)}
	}
	if v := vaeOf(d.dir); v != "" {
		opt.VAE = v
		if q.Format != "text" && q.Format != "json" {
			out.Notes = append(out.Notes, fmt.Sprintf("the target has the VAE of %s, not a blend: bake that one in afterwards", safetext.Line(v)))
		}
	}
	if q.Hash {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		j, err := s.begins(d.dir, "hashing", func(ctx context.Context, j *job) (string, []string, error) {
			return "", nil, s.hashAll(ctx, j, files, rec, opt.Models)
		})
		if err != nil {
			return nil, err
		}
		select {
		case <-j.over:
		case <-r.Context().Done():
			j.stop()
			<-j.over
		}
		if j.err != nil {
			return nil, j.err
		}
	}
	text, notes, err := exchange.Export(rec, q.Format, opt)
	if err != nil {
		return nil, wrong("%v", err)
	}
	if q.Format == "text" {
		if text, err = d.text(rec); err != nil {
			return nil, err
		}
	}
	for _, n := range notes {
		out.Notes = append(out.Notes, safetext.Line(n))
	}
	out.Text = string(text)
	return out, nil
}

// exportName makes a name for a download of a study's.
func exportName(study string) string {
	if plainName(study) != nil {
		return "recipe"
	}
	return study
}

// vaeOf returns the source whose VAE the target has, "" if it is a blend or not known.
func vaeOf(dir string) string {
	if sum, err := studies.ReadSummary(dir); err == nil && sum.VAE.Same && !sum.VAE.Blended {
		return sum.VAE.Source
	}
	return ""
}

// hashAll adds the hashes of the recipe's models.
func (s *Server) hashAll(ctx context.Context, j *job, files *studies.Files, r *recipe.Recipe, models map[string]exchange.Model) error {
	for _, name := range r.Sources() {
		m, err := files.Source(ctx, name)
		if err != nil {
			return err
		}
		h, err := merge.HashKnown(ctx, m.File, s.options.Cache, func(done int64) { j.tell("hashing "+name, done, m.File.Size()) })
		m.Close()
		if err != nil {
			return err
		}
		q := models[name]
		q.SHA256, q.Legacy = h.SHA256, h.Legacy
		models[name] = q
	}
	return nil
}

// products answers with the products that a study keeps, a tensor a line, for a
// download.
func (s *Server) products(w http.ResponseWriter, r *http.Request) {
	dir, err := s.folderOf(nameOf(r))
	if err != nil {
		refuse(w, err)
		return
	}
	g, err := studies.Products(dir)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Content-Disposition", `attachment; filename="products.jsonl"`)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	_, _ = g.WriteLines(w)
}
