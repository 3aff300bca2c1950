package studies

import (
	"fmt"

	"mixmatch/merge"
	"mixmatch/merge/block"
)

// A Given is a model that a study is begun with: an open file.
type Given struct {
	Name       string // that recipes call it by; see [Given.Rename]
	Path       string
	Kind       block.Model // none of a LoRA
	Difference bool        // a LoRA

	Model *merge.Model
}

// FileOf returns an open model as one that a study is begun with.
func FileOf(m *merge.Model) *Given {
	return &Given{Name: m.Name, Path: m.File.Path(), Kind: m.Kind, Difference: m.Difference, Model: m}
}

// FilesOf returns open models as such that a study is begun with.
func FilesOf(models []*merge.Model) []*Given {
	var all []*Given
	for _, m := range models {
		all = append(all, FileOf(m))
	}
	return all
}

// modelsOf returns the open models of what is given.
func modelsOf(all []*Given) []*merge.Model {
	var models []*merge.Model
	for _, g := range all {
		models = append(models, g.Model)
	}
	return models
}

// Rename has recipes call it by another name.
func (g *Given) Rename(name string) { g.Name, g.Model.Name = name, name }

// Has reports whether it holds any tensor of part. A LoRA holds none.
func (g *Given) Has(part block.Part) bool { return g.Model.Has(part) }

// Close closes the file.
func (g *Given) Close() error { return g.Model.Close() }

// GoesWith returns an error that wraps [merge.ErrMismatch] unless g can be a source of
// the target.
func (g *Given) GoesWith(target *Given) error {
	m := g.Model
	if m.Difference {
		// One of its own: in a pool it gets the tensors of the models there.
		var err error
		if m, err = merge.OpenSource(m.Name, m.File.Path()); err != nil {
			return err
		}
		defer m.Close()
	}
	pair, err := merge.Shared(target.Kind, []*merge.Model{target.Model, m})
	if err == nil {
		_, err = merge.NewPool(pair)
	}
	return err
}

// parts returns how many of the parts that a model may lack it has.
func (g *Given) parts() (n int) {
	for _, p := range []block.Part{block.TextEncoder, block.VAE} {
		if g.Has(p) {
			n++
		}
	}
	return n
}

// differ returns an error if g is o under another name, or called as it is.
func (g *Given) differ(o *Given) error {
	if merge.SameFile(g.Path, o.Path) {
		return fmt.Errorf("%w: %s and %s are both %s", errTwice, o.Name, g.Name, g.Path)
	}
	if g.Name == o.Name {
		return fmt.Errorf("%w: %q; rename one with --source NAME=PATH", errNames, g.Name)
	}
	return nil
}
