// Package dialect shows the tensors of model files under one set of names,
// whatever the program that wrote them calls them: the names that single files
// have, such as model.diffusion_model.input_blocks.0.0.weight. Nobody above it
// meets other names.
//
// [New] looks for each part (UNet, text encoders, VAE) by itself, since a file
// may hold them in different dialects, and several files may hold one model. A
// layout is one program's names for one part, such as those of diffusers; a root
// is a place in a file where a layout was found, behind whatever prefix; both are
// told by the names that are there. The names themselves are turned structurally,
// module by module. No tensor is lost in silence: it gets its name, or keeps its
// own, or a note counts it.
package dialect

import (
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge/checkpoint"
)

// ErrTwice is wrapped by the error for a tensor that is there twice, each time
// with other numbers, or a part that two files hold.
var ErrTwice = errors.New("which of two to take is not known")

// New returns the model that files hold together, and owns them from then on: its
// tensors have the names that single files have. One that has them already is
// returned as it is. On an error the files stay open.
//
// The error wraps [ErrTwice] if a part is in two files, or a tensor in one under
// two names with different numbers, and [checkpoint.ErrFormat] if tensors that
// are to be one do not fit each other.
func New(files ...checkpoint.Container) (checkpoint.Container, error) {
	m, v, err := build(files)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return m.files[0], nil
	}
	v.info = m.files.Info()
	v.info.Dialects = slices.Concat(v.info.Dialects, m.dialects())
	v.info.Notes = slices.Concat(v.info.Notes, m.notes())
	return v, nil
}

// build makes a view of files, or none if it would show the only one as it is.
func build(files checkpoint.Files) (*model, *view, error) {
	m := &model{}
	for _, c := range files {
		m.paths = append(m.paths, c.Info().Path)
	}
	for i, c := range files {
		c, err := unscale(c)
		if err != nil {
			return nil, nil, m.named(i, err)
		}
		m.files = append(m.files, c)
		tensors := c.Tensors()
		roots, err := findRoots(tensors)
		if err == nil && len(files) > 1 {
			err = tooMany(tensors)
		}
		if err != nil {
			return nil, nil, m.named(i, err)
		}
		m.tensors, m.roots = append(m.tensors, tensors), append(m.roots, roots)
	}
	m.aim()
	if len(files) == 1 && m.same(0) {
		return m, nil, nil
	}
	m.spell()
	v, err := m.view()
	return m, v, err
}

// named adds to err which of several files it is about.
func (m *model) named(file int, err error) error {
	if len(m.paths) == 1 {
		return err
	}
	return fmt.Errorf("%s: %w", m.paths[file], err)
}
