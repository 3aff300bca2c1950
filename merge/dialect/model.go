package dialect

import (
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
)

// A model is what is known of the files while they are made one.
type model struct {
	paths   []string
	files   checkpoint.Files
	tensors [][]checkpoint.Tensor // of each file
	roots   [][]*root             // of each file, the longest prefix first
	nested  [][]string            // prefixes that each file's whole model is nested in, the longest first

	order  []string // the names that tensors get, in the order in which they were found
	claims map[string][]claim

	// What is said of it.
	used    map[*root]bool     // roots that any tensor belongs to
	strange map[*root][]string // names behind a root that are none of its layout
	dropped []string           // names of tensors left out
	twice   [][2]string        // names of tensors that are the same
	passed  map[int][]string   // by file: names of tensors of no part that another file has too
}

// A claim is a tensor that is to have a name, or to be a piece of what has.
type claim struct {
	tensor
	slot
	name string
	root *root // nil if it is of none
}

// The most tensors that are looked at. Files have a few thousands; it keeps hostile
// ones from taking many times the memory of their header.
const maxTensors = 1 << 18

func tooMany(tensors []checkpoint.Tensor) error {
	if len(tensors) > maxTensors {
		return checkpoint.Malformed("%d tensors: no model has so many", len(tensors))
	}
	return nil
}

// same reports whether a file's tensors have the names of single files already.
func (m *model) same(file int) bool {
	if len(m.roots[file]) == 0 {
		return true
	}
	for i, t := range m.tensors[file] {
		c := m.place(file, i)
		if c.name != t.Name || c.of > 0 || c.transposed || c.swapped || c.dropped || len(c.shape) != len(t.Shape) {
			return false
		}
	}
	return true
}

// spell gives each tensor a name.
func (m *model) spell() {
	m.claims, m.strange, m.used = map[string][]claim{}, map[*root][]string{}, map[*root]bool{}
	for file, tensors := range m.tensors {
		for i := range tensors {
			c := m.place(file, i)
			if c.root != nil {
				m.used[c.root] = true
				c.root.old = c.root.old || c.old
			} else if r := m.stranger(file, c.own); r != nil {
				m.strange[r] = append(m.strange[r], c.own)
			}
			if c.dropped {
				m.dropped = append(m.dropped, c.own)
				continue
			}
			m.claim(c)
		}
	}
	m.release()
}

func (m *model) claim(c claim) {
	if m.claims[c.name] == nil {
		m.order = append(m.order, c.name)
	}
	m.claims[c.name] = append(m.claims[c.name], c)
}

// release gives pieces their own names back where others of the same tensor are
// missing.
func (m *model) release() {
	var alone []claim
	for _, name := range m.order {
		var have [8]bool
		for _, c := range m.claims[name] {
			have[c.piece] = have[c.piece] || c.of > 0
		}
		var kept []claim
		for _, c := range m.claims[name] {
			complete := true
			for piece := range c.of {
				complete = complete && have[piece]
			}
			if complete {
				kept = append(kept, c)
				continue
			}
			m.strange[c.root] = append(m.strange[c.root], c.own)
			c.slot, c.name = slot{}, c.own
			alone = append(alone, c)
		}
		m.claims[name] = kept
	}
	for _, c := range alone {
		if _, there := m.claims[c.name]; !there {
			m.order = append(m.order, c.name)
		}
		m.claims[c.name] = append(m.claims[c.name], c)
	}
}

// place says where tensor i of a file belongs.
func (m *model) place(file, i int) claim {
	t := m.tensors[file][i]
	c := claim{tensor: m.tensor(file, i), name: t.Name}
	for _, r := range m.roots[file] {
		key, ok := strings.CutPrefix(t.Name, r.prefix)
		if !ok {
			continue
		}
		s, ok := r.place(key, t)
		if !ok {
			continue
		}
		c.slot, c.name, c.root = s, r.target+s.key, r
		if r.part == block.VAE {
			c.shape = vaeShape(s.key, t)
		}
		return c
	}
	for _, w := range m.nested[file] {
		if rest, ok := strings.CutPrefix(t.Name, w); ok && rest != "" && m.stranger(file, t.Name) == nil {
			c.name = rest
			break
		}
	}
	return c
}

// place returns the slot of the tensor t, which is called key behind the root.
func (r *root) place(key string, t checkpoint.Tensor) (slot, bool) {
	if r.target == "" {
		return slot{}, false
	}
	s, ok := r.spell(key)
	if ok && r.part == block.TextEncoder && r.layout != &t5Text && holdsHuggingFace(r.target) != (r.layout == &huggingFaceText) {
		if r.layout == &openCLIPText {
			return slot{}, false // no file is known to need it
		}
		s, ok = openCLIPSlot(s.key)
	}
	if s.transposed && (len(t.Shape) != 2 || t.DType.Bits()%8 != 0 || t.Bytes() > maxTransposed) {
		return slot{}, false
	}
	if s.swapped && (len(t.Shape) == 0 || t.Shape[0]%2 != 0 || t.DType.Bits()%8 != 0) {
		return slot{}, false
	}
	return s, ok
}

// stranger returns the root of another dialect that a tensor is behind, though it
// is none of its layout's, or nil.
func (m *model) stranger(file int, name string) *root {
	for _, r := range m.roots[file] {
		if r.foreign() && (r.prefix != "" || !r.usual) && strings.HasPrefix(name, r.prefix) {
			return r
		}
	}
	return nil
}

// foreign reports whether the root's tensors have other names than in single files.
func (r *root) foreign() bool {
	same := r.usual || r.layout == &t5Text || r.part == block.TextEncoder && holdsHuggingFace(r.target) == (r.layout == &huggingFaceText)
	return !same || r.prefix != r.target
}
