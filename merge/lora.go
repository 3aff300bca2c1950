package merge

import (
	"context"
	"errors"
	"fmt"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/difference"
)

// OpenSource opens what may take part in a merge: a model as [OpenModel] does, or
// a LoRA. A LoRA has tensors, and fits a model or not, only in a [Pool].
func OpenSource(name, path string) (*Model, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	m, err := NewModel(name, f)
	switch {
	case err == nil:
		return m, nil
	case errors.Is(err, block.ErrModel) && difference.Is(f):
		m, err = newDifference(name, f)
	default:
		err = fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

// newDifference returns the LoRA in f, which it owns unless there is an error.
func newDifference(name string, f *checkpoint.File) (*Model, error) {
	l, err := difference.Read(f)
	if err != nil {
		return nil, err
	}
	stored, err := l.Checkpoint()
	if err != nil {
		return nil, err
	}
	return &Model{Name: name, File: stored, Difference: true, changes: l, stored: stored}, nil
}

// expand gives a LoRA its tensors: those of the models that it changes.
func (m *Model) expand(models []*Model) error { return m.Expand(shapesOf(models)) }

// Expand gives a LoRA that has none yet its tensors: those of a model whose tensors
// have the shapes given that it changes. There is nothing to do for a model.
func (m *Model) Expand(shape func(key string) ([]int, bool)) error {
	if m.changes == nil || m.expanded != nil {
		return nil
	}
	e, err := m.expansion(shape)
	if err != nil {
		return err
	}
	f, err := checkpoint.New(e)
	if err != nil {
		return err
	}
	m.File, m.expanded = f, e
	return nil
}

func (m *Model) expansion(shape func(key string) ([]int, bool)) (*difference.Expansion, error) {
	e, err := m.changes.Expand(shape)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMismatch, m.Name, err)
	}
	return e, nil
}

// shapesOf returns the shape that the first of the models has that has a tensor.
func shapesOf(models []*Model) func(key string) ([]int, bool) {
	return func(key string) ([]int, bool) {
		for _, model := range models {
			if t, ok := model.Tensor(key); ok && !model.Difference {
				return t.Shape, true
			}
		}
		return nil, false
	}
}

// ChangesArch returns the architecture of the models that a LoRA is for, or their
// family; "" if that cannot be told.
func (m *Model) ChangesArch() block.Arch {
	if m.changes == nil {
		return ""
	}
	return m.changes.Describe().Arch
}

// LeftOut says what of a LoRA has no place in any of the models, and is left out of a
// pool of them. There is nothing to say of a model.
func (m *Model) LeftOut(models []*Model) ([]string, error) {
	if m.changes == nil {
		return nil, nil
	}
	e, err := m.expansion(shapesOf(models))
	if err != nil {
		return nil, err
	}
	return e.Notes(), nil
}

// Notes says what of the pool's LoRAs is left out, since no model has a place for it.
func (p *Pool) Notes() []string {
	var notes []string
	for _, m := range p.Models {
		if m.expanded != nil {
			for _, n := range m.expanded.Notes() {
				notes = append(notes, m.Name+": "+n)
			}
		}
	}
	return notes
}

// Bake adds the LoRA, ratio times, to elements of a model's tensor, as
// [difference.Expansion.Bake] says. Its error names the LoRA.
func (m *Model) Bake(dst []float32, key string, at int, dtype checkpoint.DType, ratio float64, way difference.Way) error {
	return m.named(m.expanded.Bake(dst, key, at, dtype, ratio, way))
}

// Content returns [checkpoint.File.Content] of the model's file; of a LoRA that has
// its tensors already, of the file behind them.
func (m *Model) Content(ctx context.Context) (string, error) {
	f := m.File
	if m.stored != nil {
		f = m.stored
	}
	return f.Content(ctx, nil, nil)
}
