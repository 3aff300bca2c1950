// Package block names the merge blocks of a model and says which block's ratio
// governs a checkpoint key.
//
// The names and the rules are SuperMerger's, so an alpha vector written here
// means the same there. Its rules changed over the years, and other tools read
// the same vectors a little differently; each reading is an [Era], and a
// [Layout] is one model family read in one era. Everything above this package
// speaks of blocks, never of keys and prefixes.
//
// The package also knows the key lists themselves: [Keys] generates the name
// and shape of every tensor from the published numbers of an architecture, and
// [Detect] tells from the header of a file which architecture it holds.
package block

import (
	"fmt"
	"slices"
	"strings"
)

// An ID is the position of a block in its [Layout] and of its ratio in an alpha
// vector. Zero is BASE.
type ID uint8

// An Arch is a family of models that share their keys.
type Arch string

// The architectures that have a layout.
const (
	SD1  Arch = "sd1"  // Stable Diffusion 1.x
	SD2  Arch = "sd2"  // Stable Diffusion 2.x
	SDXL Arch = "sdxl" // Stable Diffusion XL (base, not the refiner)
)

// Archs returns the architectures that have a layout, the oldest first.
func Archs() []Arch { return []Arch{SD1, SD2, SDXL} }

// An Era is one reading of the block rules: that of SuperMerger in some period,
// or that of another tool.
type Era string

// The eras. They differ in a handful of tensors only, but a merge is the same
// file again only under the era it was made in.
const (
	// SM2025 is SuperMerger from 2023-07-21 to 2025-11-26 (c60e6f3). SD1.x and
	// SD2.x: time_embed follows OUT11, because a label that was not found
	// became the last one. SDXL: time_embed and label_emb are not merged.
	// Keys with neither "weight" nor "bias" in their name are not merged.
	SM2025 Era = "sm2025-10"

	// SM2023 is SuperMerger up to 2023-07-20 (237df9a): time_embed follows
	// IN00, and every key with "model" in its name is merged but position_ids.
	// It knew no SDXL.
	SM2023 Era = "sm2023-06"

	// Mecha reads as [SM2025] does, with time_embed (and SDXL's label_emb) in
	// BASE, as sd-mecha and meh have them.
	Mecha Era = "sd-mecha"
)

// Eras returns the eras, the default first.
func Eras() []Era { return []Era{SM2025, SM2023, Mecha} }

// A Layout is the ordered list of the blocks of one architecture, and the rule
// that assigns keys to them in one era. Layouts are shared and never change.
type Layout struct {
	arch  Arch
	era   Era
	names []string
	rule  func(l *Layout, key string) (ID, bool)
}

// layouts is a constant table.
var layouts = []*Layout{
	{SD1, SM2025, names(12), sd2025},
	{SD1, SM2023, names(12), sd2023},
	{SD1, Mecha, names(12), sdMecha},
	{SD2, SM2025, names(12), sd2025},
	{SD2, SM2023, names(12), sd2023},
	{SD2, Mecha, names(12), sdMecha},
	{SDXL, SM2025, names(9), xl2025},
	{SDXL, Mecha, names(9), xlMecha},
}

// For returns the layout of arch in era. The same arguments give the same
// layout, so layouts may be compared with ==.
func For(arch Arch, era Era) (*Layout, error) {
	for _, l := range layouts {
		if l.arch == arch && l.era == era {
			return l, nil
		}
	}
	switch {
	case !slices.Contains(Archs(), arch):
		return nil, fmt.Errorf("unknown architecture %q (known: %s)", arch, list(Archs()))
	case !slices.Contains(Eras(), era):
		return nil, fmt.Errorf("unknown era %q (known: %s)", era, list(Eras()))
	}
	return nil, fmt.Errorf("era %s is older than %s; use %s", era, arch, SM2025)
}

func list[S ~string](all []S) string {
	s := make([]string, len(all))
	for i, x := range all {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}

// Arch returns the architecture of l.
func (l *Layout) Arch() Arch { return l.arch }

// Era returns the era of l.
func (l *Layout) Era() Era { return l.era }

// String returns the architecture and the era, such as "sd1/sm2025-10".
func (l *Layout) String() string { return string(l.arch) + "/" + string(l.era) }

// Len returns the number of blocks, which is the length of an alpha vector: 26,
// or 20 for SDXL.
func (l *Layout) Len() int { return len(l.names) }

// Name returns SuperMerger's name of block id, such as "IN04", and "" for an id
// that l does not have.
func (l *Layout) Name(id ID) string {
	if int(id) >= len(l.names) {
		return ""
	}
	return l.names[id]
}

// Names returns the names of all blocks in order. The caller owns the slice.
func (l *Layout) Names() []string { return slices.Clone(l.names) }

// Of returns the block whose ratio governs key, and false for a key that is
// never merged in this era, whose tensor is model A's.
//
// The answer rests on the name alone. Whether the tensor can be merged, because
// it is of a float type and every model has it, is for the caller to see.
func (l *Layout) Of(key string) (ID, bool) { return l.rule(l, Canonical(key)) }

// names lists the blocks of a UNet with n input and n output blocks.
func names(n int) []string {
	s := []string{"BASE"}
	for i := range n {
		s = append(s, fmt.Sprintf("IN%02d", i))
	}
	s = append(s, "M00")
	for i := range n {
		s = append(s, fmt.Sprintf("OUT%02d", i))
	}
	return s
}
