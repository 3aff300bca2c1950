// Package block names the merge blocks of a model and says which block's ratio
// governs a checkpoint key.
//
// The names and the rules are SuperMerger's, so an alpha vector written here
// means the same there. Its rules changed over the years, and other tools read
// the same vectors a little differently; each reading is an [Era], and a
// [Layout] is one model family read in one era. Everything above this package
// speaks of blocks, never of keys and prefixes.
//
// What sets an architecture apart, from how its files are recognised to which
// of its layers the attention similarity compares, is one value in one file;
// sd1.go is an example. The package also knows the key lists themselves: [Keys]
// generates the name and shape of every tensor from the published numbers of an
// architecture, and [Detect] tells from the header of a file which architecture
// it holds.
package block

import (
	"slices"
	"strings"
)

// An ID is the position of a block in its [Layout] and of its ratio in an alpha
// vector. Zero is BASE.
type ID uint8

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

	// Whole has no exceptions: every tensor of the network and of the text
	// encoders is merged with its block. So do tools that have no rules for an
	// architecture, such as ComfyUI's nodes.
	Whole Era = "whole"
)

// Eras returns all eras. Not each knows every architecture: see [ErasOf].
func Eras() []Era { return []Era{SM2025, SM2023, Mecha, Whole} }

// A Layout is the ordered list of the blocks of one architecture, and the rule
// that assigns keys to them in one era. Layouts are shared and never change.
type Layout struct {
	*architecture
	reading
}

// Arch returns the architecture of l.
func (l *Layout) Arch() Arch { return l.name }

// Era returns the era of l.
func (l *Layout) Era() Era { return l.era }

// String returns the architecture and the era, such as "sd1/sm2025-10".
func (l *Layout) String() string { return string(l.Arch()) + "/" + string(l.Era()) }

// Len returns the number of blocks, which is the length of an alpha vector: 26 for
// Stable Diffusion 1 and 2, 20 for SDXL, 61 for Flux. There are at most 256.
func (l *Layout) Len() int { return len(l.blocks) }

// Name returns SuperMerger's name of block id, such as "IN04", and "" for an id
// that l does not have.
func (l *Layout) Name(id ID) string {
	if int(id) >= len(l.blocks) {
		return ""
	}
	return l.blocks[id].name
}

// Names returns the names of all blocks in order. The caller owns the slice.
func (l *Layout) Names() []string {
	names := make([]string, len(l.blocks))
	for i, b := range l.blocks {
		names[i] = b.name
	}
	return names
}

// Of returns the block whose ratio governs key, and false for a key that is
// never merged in this era, whose tensor is model A's.
//
// The answer rests on the name alone. Whether the tensor can be merged, because
// it is of a float type and every model has it, is for the caller to see.
func (l *Layout) Of(key string) (ID, bool) { return l.rule(key) }

// Part returns the part of a model that key belongs to.
func (l *Layout) Part(key string) Part {
	if l.part != nil {
		return l.part(key)
	}
	return PartOf(key)
}

// Network returns what people call the part [UNet] of l's models.
func (l *Layout) Network() string {
	if l.byWords {
		return UNet.String()
	}
	return "transformer"
}

// EraMark returns a part of the keys that tell the eras of l's architecture
// apart, since each era has them in other blocks; "" if there are none.
func (l *Layout) EraMark() string { return l.eraMark }

// TellsEra reports whether key is one of those.
func (l *Layout) TellsEra(key string) bool {
	return l.eraMark != "" && strings.Contains(key, l.eraMark)
}

// MergesVAE returns the block whose ratio governs the VAE, and false where a merge
// keeps model A's.
func (l *Layout) MergesVAE() (ID, bool) { return l.Of(vaePrefix + "decoder.conv_in.weight") }

// Heads returns what the attention similarity compares: for each block that may
// have a self-attention the key of its queries' weights without the "q.weight"
// at its end; those of its keys and values differ in that letter. They stand in
// the order in which calculators go through them. There are none for an
// architecture that the calculators do not know.
func (l *Layout) Heads() []string { return slices.Clone(l.heads) }

// HeadsExpected returns the names of the blocks of which calculators want a
// self-attention: they do without none of them.
func (l *Layout) HeadsExpected() []string { return slices.Clone(l.expected) }

// Adjusts reports whether key is one of those that SuperMerger's Adjust changes.
func (l *Layout) Adjusts(key string) bool { return slices.Contains(l.adjusted, key) }
