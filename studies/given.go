package studies

import (
	"errors"
	"fmt"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/similarity/fingerprint"
)

// A Given is a model that a study is begun with: an open file, or a fingerprint.
type Given struct {
	Name       string // that recipes call it by; see [Given.Rename]
	Path       string // of the file or the fingerprint; "" for one from a library, of which the study keeps a copy
	Kind       block.Model
	Difference bool // a LoRA, whose kind only a fingerprint tells

	Model       *merge.Model             // nil for a fingerprint
	Fingerprint *fingerprint.Fingerprint // nil for a file
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

// FingerprintOf returns a fingerprint, read from the file at path, as a model that a
// study is begun with. No path stands for one that is in no file of its own.
func FingerprintOf(name, path string, f *fingerprint.Fingerprint) *Given {
	return &Given{Name: name, Path: path, Kind: block.Model{Arch: f.Arch, Variant: f.Variant}, Difference: f.Difference, Fingerprint: f}
}

// modelsOf returns the open models of what is given, all of it files.
func modelsOf(all []*Given) []*merge.Model {
	var models []*merge.Model
	for _, g := range all {
		models = append(models, g.Model)
	}
	return models
}

// Rename has recipes call it by another name.
func (g *Given) Rename(name string) {
	if g.Name = name; g.Model != nil {
		g.Model.Name = name
	}
}

// Has reports whether it holds any tensor of part, one of the text encoder and the VAE.
// A LoRA holds none.
func (g *Given) Has(part block.Part) bool {
	if g.Fingerprint != nil {
		return g.Fingerprint.Parts[part.String()] != ""
	}
	return g.Model.Has(part)
}

// Files returns the paths of all files that it is made of.
func (g *Given) Files() []string {
	switch {
	case g.Model != nil:
		return g.Model.File.Files()
	case g.Path != "":
		return []string{g.Path}
	}
	return nil
}

// Close closes the file.
func (g *Given) Close() error {
	if g.Model == nil {
		return nil
	}
	return g.Model.Close()
}

// GoesWith returns an error that wraps [merge.ErrMismatch] unless g can be a source of
// the target.
func (g *Given) GoesWith(target *Given) error {
	if g.Fingerprint != nil || target.Fingerprint != nil {
		return g.matches(target)
	}
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

// matches is GoesWith where one of the two is a fingerprint: whether their tensors have
// the same shapes shows when their products are made.
func (g *Given) matches(target *Given) error {
	switch {
	case g.Difference && g.Model != nil: // only its shapes tell what it changes
		return nil
	case g.Kind.Arch != target.Kind.Arch:
		return fmt.Errorf("%w: %s is %s, %s is %s", merge.ErrMismatch, target.Name, target.Kind, g.Name, g.Kind)
	case !g.Difference && g.Kind != target.Kind && !target.Kind.Takes(g.Kind):
		return fmt.Errorf("%w: %s is %s, and what a merge makes of such and others is as well, not %s; leave it out", merge.ErrMismatch, g.Name, g.Kind, target.Kind)
	}
	return nil
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

// input describes it for a plan.
func (g *Given) input() (Input, error) {
	if g.Fingerprint == nil {
		return input(g.Model)
	}
	in, err := stampFingerprint(g.Name, g.Path, g.Fingerprint)
	if err == nil && g.Fingerprint.Content == "" {
		err = errors.New("the fingerprint does not say of which model it is")
	}
	return in, err
}
