// Package merge brings models together: which tensors they share, and what
// their mixes are.
//
// A [Pool] is a set of open models that agree on their tensors. A [Mix] says how
// much of each model goes into each block, [Weighted] what tensors that makes,
// and [Save] writes them, a chunk at a time, so memory stays at a few megabytes
// however many models take part. Package stepwise makes the tensors as
// SuperMerger does instead.
package merge

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/open"
)

// A Pool is a set of models of one architecture, and of differences between such.
type Pool struct {
	Kind   block.Model
	Models []*Model // the differences come last

	keys []string
}

// NewPool returns the pool of models, which it does not own. It gives LoRAs among
// them their tensors. Every model must
// have every UNet tensor that any of them has, in the same shape; parts that a
// file may lack (text encoder, VAE) need not be there. The error wraps
// [ErrMismatch] and names the models and the tensor.
func NewPool(models []*Model) (*Pool, error) {
	p, seen, err := newPool(models, func(a, b block.Model) bool { return a == b })
	if err != nil {
		return nil, err
	}
	return p, p.match(seen)
}

// NewLoosePool returns a pool of models that have no more than the architecture
// in common: keys may be missing, and inpainting models stand beside others. It
// is for package stepwise alone, where each step looks at its own tensors.
func NewLoosePool(models []*Model) (*Pool, error) {
	p, _, err := newPool(models, func(a, b block.Model) bool { return a.Arch == b.Arch })
	return p, err
}

// DifferencesLast compares two sources of a pool by whether each is a difference: the
// models come first.
func DifferencesLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// newPool returns a pool, and for each key the first model that has it.
func newPool(models []*Model, alike func(a, b block.Model) bool) (*Pool, map[string]*Model, error) {
	models = slices.Clone(models)
	slices.SortStableFunc(models, func(a, b *Model) int { return DifferencesLast(a.Difference, b.Difference) })
	if len(models) == 0 || models[0].Difference {
		return nil, nil, fmt.Errorf("%w: no models", ErrMismatch)
	}
	first := models[0]
	p := &Pool{Kind: first.Kind, Models: models}
	for _, m := range models[1:] {
		if !m.Difference && !alike(m.Kind, first.Kind) {
			return nil, nil, fmt.Errorf("%w: %s is %s, %s is %s", ErrMismatch, first.Name, first.Kind, m.Name, m.Kind)
		}
	}
	for _, m := range models {
		if err := m.expand(models[:len(models)-p.Differences()]); err != nil {
			return nil, nil, err
		}
	}
	seen := map[string]*Model{}
	for _, m := range models[:len(models)-p.Differences()] {
		for _, key := range m.Keys() {
			if seen[key] == nil {
				seen[key] = m
				p.keys = append(p.keys, key)
			}
		}
	}
	slices.Sort(p.keys)
	return p, seen, nil
}

// ErrLacking is wrapped, beside [ErrMismatch], by the error of [NewPool] for models
// that do not fit together only because some lack tensors of the UNet.
var ErrLacking = errors.New("models lack tensors")

type poolError struct {
	text   string
	shapes bool // differ
}

func (e poolError) Error() string { return e.text }

func (e poolError) Is(target error) bool {
	return target == ErrMismatch || target == ErrLacking && !e.shapes
}

// match reports whether the models agree on their tensors.
func (p *Pool) match(seen map[string]*Model) error {
	var wrong []string
	shapes := false // differ
	l := p.Kind.Layout()
	for _, key := range p.keys {
		part := l.Part(key)
		if part == block.EMA || part == block.Other {
			continue
		}
		owner := seen[key]
		want, _ := owner.Tensor(key)
		for _, m := range p.Models {
			t, ok := m.Tensor(key)
			switch {
			case !ok && !m.Difference && part == block.UNet:
				wrong = append(wrong, fmt.Sprintf("%s lacks %q, which %s has", m.Name, key, owner.Name))
			case ok && !slices.Equal(t.Shape, want.Shape):
				wrong = append(wrong, fmt.Sprintf("%q is %v in %s and %v in %s", key, t.Shape, m.Name, want.Shape, owner.Name))
				shapes = true
			}
		}
	}
	if n := len(wrong); n > 0 {
		more := ""
		if n > 3 {
			more = fmt.Sprintf("; and %d more", n-3)
			wrong = wrong[:3]
		}
		text := fmt.Sprintf("%s: %s%s", ErrMismatch, strings.Join(wrong, "; "), more)
		return poolError{text, shapes}
	}
	return nil
}

// Differences returns how many of the models, the last ones, are differences.
func (p *Pool) Differences() int {
	n := 0
	for _, m := range p.Models {
		if m.Difference {
			n++
		}
	}
	return n
}

// Keys returns the union of the models' canonical keys, sorted; differences
// have no others.
func (p *Pool) Keys() []string { return p.keys }

// Names returns the models' names, in order.
func (p *Pool) Names() []string {
	names := make([]string, len(p.Models))
	for i, m := range p.Models {
		names[i] = m.Name
	}
	return names
}

// Index returns the place of the model called name, or -1.
func (p *Pool) Index(name string) int {
	return slices.IndexFunc(p.Models, func(m *Model) bool { return m.Name == name })
}

// SameFile reports whether two paths lead to one model, also through links.
func SameFile(a, b string) bool {
	x, y := open.Paths(a), open.Paths(b)
	return slices.EqualFunc(x, y, sameFile)
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// Uses reports whether the file at path is one of the model's, also through links.
func (m *Model) Uses(path string) bool {
	return slices.ContainsFunc(m.File.Files(), func(own string) bool { return sameFile(own, path) })
}
