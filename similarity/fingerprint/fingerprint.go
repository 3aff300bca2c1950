// Package fingerprint brings models down to a few thousand numbers a block, from which
// the weights of a mix can be solved as from the models themselves.
//
// A fingerprint is a count sketch: every element of a tensor is added, with a sign, to
// one of 4,096 buckets. Sign and bucket follow from the tensor's name and the element's
// place, so that the fingerprint of a mix is the mix of the fingerprints, and inner
// products of models are those of fingerprints, give or take sqrt(2/4096) of their
// lengths. docs/fingerprints.md specifies it to the bit.
//
// [Of] makes one of an open model, [Fingerprint.WriteTo] and [Read] keep it in a file,
// and [Gram] makes of several the products that package similarity works with.
package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"mixmatch/merge/block"
	"mixmatch/merge/vec"
)

// ErrDamaged is wrapped when what is read is no fingerprint, or no whole one.
var ErrDamaged = errors.New("damaged fingerprint")

// ErrMismatch is wrapped when fingerprints do not go together.
var ErrMismatch = errors.New("fingerprints do not go together")

// Buckets is how many numbers a section has.
const Buckets = vec.Buckets

// A Card is what people know of a model, but its numbers do not tell.
type Card struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256,omitempty"` // of the file, as model sites have it
	Bytes   int64  `json:"bytes,omitempty"`  // size of the file
	Licence string `json:"licence,omitempty"`
	Page    string `json:"page,omitempty"` // where it can be had
}

// A Fingerprint is a model, or a difference such as a LoRA, brought down to its
// sections. Nobody changes it once it is made.
type Fingerprint struct {
	Card
	Arch       block.Arch
	Variant    string // see [block.Model]; the sections are of what it shares with usual models
	Difference bool   // it is no model but what may be added to one

	// Content is the digest of all tensors of the file, [checkpoint.File.Content]: two
	// models are one if it is the same.
	Content string

	// Formats are how many of the elements that the sections are of are stored in each
	// number format.
	Formats map[string]int64

	// Parts are digests of the text encoders and the VAE, by the part's name: a part
	// is the same in two models if its digest is.
	Parts map[string]string

	Sections []Section // sorted by name
}

// A Section is the sum of the tensors that have the same block in every era.
type Section struct {
	// Name is that of the block, if it is the same in every era; else the names in all
	// eras of the architecture, the default first, with "/" between and "-" where the
	// tensors are in none.
	Name string

	// Key is the first of its tensors, which stands for them where a key is wanted.
	Key string

	Len  int // elements of all its tensors
	Part block.Part

	// Floor is what rounding the tensors once to the numbers they are stored in, or to
	// the coarser grid they lie on, adds to a squared distance; Half is that of
	// float16. See [similarity.Products].
	Floor, Half float64

	Tensors []Tensor  // sorted by key
	Sums    []float32 // its buckets
}

// A Tensor is one that is in a section.
type Tensor struct {
	Seed uint64  // of its key: see [Seed]
	Len  int     // elements
	Norm float32 // square root of the sum of their squares
}

// Seed returns the number that a tensor's signs and buckets follow from: the first
// eight bytes of the SHA-256 of its key, little-endian.
func Seed(key string) uint64 {
	sum := sha256.Sum256([]byte(key))
	return binary.LittleEndian.Uint64(sum[:])
}

// Section returns the section of a name, or nil.
func (f *Fingerprint) Section(name string) *Section {
	for i := range f.Sections {
		if f.Sections[i].Name == name {
			return &f.Sections[i]
		}
	}
	return nil
}

// SameTensors reports whether two sections are of the same tensors: only such ones may
// be taken from each other.
func (s *Section) SameTensors(t *Section) bool {
	return slices.EqualFunc(s.Tensors, t.Tensors, func(a, b Tensor) bool { return a.Seed == b.Seed && a.Len == b.Len })
}
