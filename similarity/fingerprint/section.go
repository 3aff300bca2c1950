package fingerprint

import "slices"

// Section returns the section of a name, or nil.
func (f *Fingerprint) Section(name string) *Section { return f.section(name) }

// SameTensors reports whether two sections are of the same tensors: only such ones may
// be taken from each other.
func (s *Section) SameTensors(t *Section) bool {
	return slices.EqualFunc(s.Tensors, t.Tensors, func(a, b Tensor) bool { return a.Seed == b.Seed && a.Len == b.Len })
}
