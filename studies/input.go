package studies

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"mixmatch/merge"
	"mixmatch/merge/open"
)

// An Input is a model file and what it was like when the study began.
type Input struct {
	Name    string    `json:"name"`
	Path    string    `json:"path"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
	Header  string    `json:"header_sha256"`           // of the length and the JSON in front of the tensors
	Sample  string    `json:"sample_sha256,omitempty"` // of some of the tensors' bytes; "" in plans of before it

	// Fingerprint is the content of the model whose fingerprint this is, and Header then a
	// digest of that; "" for a file.
	Fingerprint string `json:"fingerprint,omitempty"`

	Difference bool     `json:"difference,omitempty"` // a LoRA
	Notes      []string `json:"notes,omitempty"`      // what of it is left out, since no source has a place for it

	// Variant is that of the model, see [block.Model], if not all are of one kind.
	Variant string `json:"variant,omitempty"`
}

// input describes an open model.
func input(m *merge.Model) (Input, error) {
	in, err := stamp(m)
	if err != nil {
		return in, err
	}
	in.Sample, err = m.File.Sample()
	return in, err
}

// stamp describes an open model, but for its content.
func stamp(m *merge.Model) (Input, error) {
	path, err := open.Abs(m.File.Path())
	if err != nil {
		return Input{}, err
	}
	if !utf8.ValidString(path) {
		return Input{}, fmt.Errorf("%w: %q: the path is not UTF-8; rename the folder or the file", ErrInvalid, path)
	}
	s := m.File.Stamp()
	return Input{Name: m.Name, Path: path, Size: s.Size, ModTime: s.ModTime, Header: s.Header, Difference: m.Difference}, nil
}

// untouched reports whether in and o are one file that nobody has written to
// between.
func (in *Input) untouched(o *Input) bool {
	return in.Path == o.Path && in.ModTime.Equal(o.ModTime) && in.alike(o)
}

// alike reports whether in and o may have the same content.
func (in *Input) alike(o *Input) bool { return in.Size == o.Size && in.Header == o.Header }

// inputs returns the plan's files, the target last.
func (p *Plan) inputs() []Input { return append(slices.Clone(p.Sources), p.Target) }
