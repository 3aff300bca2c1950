package merge

import (
	"errors"
	"fmt"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/difference"
	"mixmatch/merge/open"
)

// OpenSource opens what may take part in a merge: a model as [OpenModel] does, or
// a LoRA. A LoRA has tensors, and fits a model or not, only in a [Pool].
func OpenSource(name, path string) (*Model, error) {
	m, err := OpenModel(name, path)
	if !errors.Is(err, block.ErrModel) {
		return m, err
	}
	f, again := open.File(path)
	if again != nil {
		return nil, again
	}
	if !difference.Is(f) {
		f.Close()
		return nil, err
	}
	l, bad := difference.Read(f)
	if bad != nil {
		f.Close()
		return nil, bad
	}
	stored, err := l.Checkpoint()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Model{Name: name, File: stored, Difference: true, changes: l}, nil
}

// expand gives a LoRA its tensors: those of the models that it changes.
func (m *Model) expand(models []*Model) error {
	if m.changes == nil || m.expanded != nil {
		return nil
	}
	e, err := m.expansion(models)
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

func (m *Model) expansion(models []*Model) (*difference.Expansion, error) {
	e, err := m.changes.Expand(func(key string) ([]int, bool) {
		for _, model := range models {
			if t, ok := model.Tensor(key); ok && !model.Difference {
				return t.Shape, true
			}
		}
		return nil, false
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMismatch, m.Name, err)
	}
	return e, nil
}

// LeftOut says what of a LoRA has no place in any of the models, and is left out of a
// pool of them. There is nothing to say of a model.
func (m *Model) LeftOut(models []*Model) ([]string, error) {
	if m.changes == nil {
		return nil, nil
	}
	e, err := m.expansion(models)
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
