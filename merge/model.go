package merge

import (
	"errors"
	"fmt"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/dialect"
	"mixmatch/merge/difference"
	"mixmatch/merge/open"
	"mixmatch/merge/safetext"
)

// ErrMismatch is wrapped by every error that means that models do not fit
// together: other architectures, shapes or missing tensors.
var ErrMismatch = errors.New("models do not fit together")

// A Model is an open checkpoint under the name that recipes call it by. Its
// tensors have the names of single files, whatever the file calls them.
type Model struct {
	Name string
	File *checkpoint.File
	Kind block.Model

	// Difference says that it is no model but what may be added to one, such as a
	// LoRA. It has tensors for some of the keys of a model.
	Difference bool

	changes  *difference.File      // of a LoRA
	expanded *difference.Expansion // nil until a pool has expanded it
	stored   *checkpoint.File      // what a LoRA's file holds
}

// OpenModel opens the checkpoint at path, which is to be called name.
// The error wraps [checkpoint.ErrFormat] for a malformed file and
// [ErrMismatch] for a file that is no Stable Diffusion model, or more than one.
func OpenModel(name, path string) (*Model, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	m, err := NewModel(name, f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// openFile opens the file at path: names that stand for one tensor are a mismatch.
func openFile(path string) (*checkpoint.File, error) {
	f, err := open.File(path)
	if errors.Is(err, dialect.ErrTwice) {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return f, err
}

// NewModel returns the model in f, which it owns from then on.
func NewModel(name string, f *checkpoint.File) (*Model, error) {
	m := &Model{Name: name, File: f}
	kind, err := KindOf(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	m.Kind = kind
	return m, nil
}

// KindOf tells which model f holds from its header, as [block.Detect] does.
func KindOf(f *checkpoint.File) (block.Model, error) {
	h := block.Header{}
	for _, t := range f.Tensors() {
		h[t.Name] = t.Shape
	}
	return block.Detect(h)
}

// Tensor returns the tensor called key.
func (m *Model) Tensor(key string) (checkpoint.Tensor, bool) { return m.File.Tensor(key) }

// Quote returns a key for a message, and what the file calls its tensor if that is
// something else.
func (m *Model) Quote(key string) string {
	if t, ok := m.Tensor(key); ok {
		return m.File.Quote(t)
	}
	return safetext.Quote(key)
}

// Keys returns the keys of the model, sorted.
func (m *Model) Keys() []string {
	var keys []string
	for _, t := range m.File.Tensors() {
		keys = append(keys, t.Name)
	}
	return keys
}

// Has reports whether the model holds any tensor of part. A difference holds none.
func (m *Model) Has(part block.Part) bool {
	if m.Difference {
		return false
	}
	l := m.Kind.Layout()
	return slices.ContainsFunc(m.File.Tensors(), func(t checkpoint.Tensor) bool { return l.Part(t.Name) == part })
}

// Read reads elements at to at+len(dst) of t, one of the model's tensors, as
// [checkpoint.File.Read] does. Its error names the model.
func (m *Model) Read(dst []float32, scratch []byte, t checkpoint.Tensor, at int) error {
	return m.named(m.File.Read(dst, scratch, t, at))
}

// ReadBytes reads the bytes of t from off on, as they are stored.
func (m *Model) ReadBytes(dst []byte, t checkpoint.Tensor, off int64) error {
	return m.named(m.File.ReadBytes(dst, t, off))
}

func (m *Model) named(err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	return nil
}

// Close closes the model's file.
func (m *Model) Close() error { return m.File.Close() }
