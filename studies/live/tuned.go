package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
	"mixmatch/optimize"
	"mixmatch/studies"
)

// tuned returns the recipe that a desk begins with: the saved one of the name, or for
// "" what the study has found, or else what its searches have come to so far.
func (s *Server) tuned(ctx context.Context, d *desk, name string) (r *recipe.Recipe, of string, notes []string, err error) {
	notes = []string{}
	switch {
	case name != "":
		of = name
		r, err = s.openSaved(d, name)
	default:
		of = "the study's recipe"
		var sum *studies.Summary
		sum, err = studies.ReadSummary(d.dir)
		switch {
		case err == nil:
			r, err = sum.Parse()
		case errors.Is(err, studies.ErrPending):
			of = "what the searches have come to so far"
			r, err = d.soFar(ctx)
		}
	}
	if err != nil {
		return nil, "", nil, err
	}
	if !r.Linear() {
		return nil, "", nil, conflict("the recipe is not linear: no weights describe it, so that the desk cannot compute it")
	}
	if r.Layout.Arch() != d.Blocks.Layout.Arch() || r.Layout.Era() != d.Blocks.Layout.Era() {
		return nil, "", nil, conflict("the recipe is for other blocks than the study")
	}
	if err := r.Resolve(d.Blocks.Names); err != nil {
		return nil, "", nil, wrong("the recipe has other models than the study: %v", err)
	}
	return r, of, notes, nil
}

// soFar returns the recipe with the best trials that there are.
func (d *desk) soFar(ctx context.Context) (*recipe.Recipe, error) {
	if d.Recipe == nil {
		return nil, fmt.Errorf("%s: %w: it has not composed a recipe yet", d.dir, studies.ErrPending)
	}
	best := map[string]optimize.Trial{}
	err := studies.EachTrial(ctx, d.dir, func(search string, t optimize.Trial) error {
		if b, ok := best[search]; !ok || t.Value < b.Value {
			best[search] = t
		}
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	r := d.Recipe.Clone()
	for id := range r.Layout.Blocks().All() {
		x := r.Column(id)
		for _, pos := range r.Holes(id) {
			name := d.SearchOf(id, pos)
			if t, ok := best[name]; ok {
				if k := slices.Index(d.Positions(name), pos); k >= 0 && k < len(t.X) {
					x[pos] = t.X[k]
				}
			}
		}
		r.SetColumn(id, x)
	}
	return r, nil
}

// The folder of a study that holds recipes saved from the desk.
const savedDir = "recipes"

// saved returns the names of the recipes saved.
func (s *Server) saved(dir string) ([]string, error) {
	names := []string{}
	entries, err := os.ReadDir(filepath.Join(dir, savedDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".txt"); ok && e.Type().IsRegular() && plainName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// openSaved reads a recipe saved.
func (s *Server) openSaved(d *desk, name string) (*recipe.Recipe, error) {
	if err := plainName(name); err != nil {
		return nil, err
	}
	path, err := s.inside(s.nameIn(filepath.Join(d.dir, savedDir, name+".txt")), false)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > recipe.MaxText {
		return nil, wrong("%s is too long for a recipe", safetext.Quote(name))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := recipe.Parse(d.Blocks.Layout, string(text), recipe.Options{})
	if err != nil {
		return nil, wrong("%s: %v", safetext.Quote(name), err)
	}
	return r, nil
}
