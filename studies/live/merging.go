package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/exchange"
	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
	"mixmatch/studies"
)

// A merging asks for the model of the desk's recipe.
type merging struct {
	tuning
	Out   string `json:"out"`   // its way from the folder served
	DType string `json:"dtype"` // "" for that of model A
	Hash  bool   `json:"hash"`  // note the sources' hashes in the metadata, which reads them once more
}

// dtypes are the number formats that can be written.
var dtypes = map[string]checkpoint.DType{
	"": "", "fp16": checkpoint.F16, "bf16": checkpoint.BF16, "fp32": checkpoint.F32,
	"fp8_e4m3": checkpoint.E4M3, "fp8_e5m2": checkpoint.E5M2,
}

// merge answers a request to make the model: when it has begun.
func (s *Server) merge(_ http.ResponseWriter, r *http.Request) (any, error) {
	var q merging
	if err := read(r, &q); err != nil {
		return nil, err
	}
	dtype, ok := dtypes[q.DType]
	if !ok {
		return nil, wrong("no number format %s", safetext.Quote(q.DType))
	}
	if !strings.HasSuffix(q.Out, ".safetensors") {
		return nil, wrong("models are written as safetensors: name the file so")
	}
	folder, name := pathSplit(q.Out)
	if err := plainName(name); err != nil {
		return nil, err
	}
	if _, err := s.inside(folder, false); err != nil {
		return nil, err
	}
	out, err := s.inside(q.Out, true)
	if err != nil {
		return nil, err
	}
	rec, d, err := s.recipe(r.Context(), &q.tuning)
	if err != nil {
		return nil, err
	}
	if _, err := d.told(rec); err != nil { // a source that lacks what it would give
		return nil, err
	}
	files, err := studies.OpenFiles(d.dir)
	if err != nil {
		return nil, err
	}
	// What is wrong with the output shows now, not after minutes.
	w, err := safetensors.Create(out, nil, nil, false)
	if err != nil {
		return nil, conflict("%v: choose another name", err)
	}
	w.Abort()
	_, err = s.begins(d.dir, "merging "+name, func(ctx context.Context, j *job) (string, []string, error) {
		return s.make(ctx, j, files, rec, out, dtype, q.Hash)
	})
	return which{q.Study}, err
}

// pathSplit returns the folder and the file of a way.
func pathSplit(way string) (folder, file string) {
	if i := strings.LastIndexByte(way, '/'); i >= 0 {
		return way[:i], way[i+1:]
	}
	return ".", way
}

// make writes the model and says what it is.
func (s *Server) make(ctx context.Context, j *job, files *studies.Files, rec *recipe.Recipe, out string, dtype checkpoint.DType, hash bool) (string, []string, error) {
	var notes []string
	files.Note = func(text string) { notes = append(notes, text) }
	files.Checking = func(name string, done, total int64) { j.tell("checking "+name, done, total) }
	vae := vaeOf(files.Dir())
	used := rec.Program().Names()
	var sources []*merge.Model
	defer func() {
		for _, m := range sources {
			m.Close()
		}
	}()
	for _, name := range files.Names() {
		if !slices.Contains(used, name) && name != vae {
			continue
		}
		m, err := files.Source(ctx, name)
		if err != nil {
			return "", notes, err
		}
		sources = append(sources, m)
	}
	pool, err := merge.NewPool(sources)
	if errors.Is(err, merge.ErrLacking) {
		err = fmt.Errorf("%w; save the recipe, and mixmatch merge --compat merges step by step what the models of each step have", err)
	}
	if err != nil {
		return "", notes, err
	}
	mix, err := merge.NewMix(pool, rec)
	if err != nil {
		return "", notes, err
	}
	if vae != "" {
		mix.VAE = pool.Index(vae)
	}
	outs, err := merge.Weighted(pool, mix, dtype)
	if err != nil {
		return "", notes, err
	}
	models := map[string]exchange.Model{}
	if hash {
		if err := s.hashAll(ctx, j, files, rec, models); err != nil {
			return "", notes, err
		}
	}
	opt := merge.SaveOptions{Progress: func(done, total int64) { j.tell("merging", done, total) }}
	if opt.Metadata, err = exchange.Metadata(rec.String(), mix.Layout, models); err != nil {
		return "", notes, err
	}
	saved, err := merge.Save(ctx, outs, out, opt)
	if err != nil {
		return "", notes, err
	}
	return fmt.Sprintf("%s: %d tensors merged, %d copied, %.1f MB", filepath.ToSlash(s.nameIn(out)), saved.Merged, saved.Copied, float64(saved.Bytes)/1e6), append(notes, saved.Notes...), nil
}
