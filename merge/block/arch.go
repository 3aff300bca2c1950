package block

import (
	"fmt"
	"slices"
	"strings"
)

// An Arch is a family of models that share their keys.
type Arch string

// The architectures that have a layout.
const (
	SD1  Arch = "sd1"  // Stable Diffusion 1.x
	SD2  Arch = "sd2"  // Stable Diffusion 2.x
	SDXL Arch = "sdxl" // Stable Diffusion XL (base, not the refiner)
)

// architectures is where an architecture is registered, the oldest first.
var architectures = []*architecture{sd1, sd2, sdxl}

// An architecture is all that is known of a family of models: each is one value
// in a file of its own.
type architecture struct {
	name Arch

	// Is reports whether a file is of this architecture, and variant which one
	// of its kind ([Model.Variant]). Widths are never looked at, so a model of
	// reduced width is recognised as its full-size original is. An error of
	// variant says what is wrong with a file that is of it.
	is      func(h Header) bool
	variant func(h Header) (string, error)

	// Keys adds the tensors of a checkpoint in the order in which the network
	// defines them; by divides a width.
	keys func(b *builder, by func(int) int)

	// Blocks are the blocks in the order of vectors, and groups the groups that
	// they are of in the order in which people search them.
	blocks []named
	groups []Group

	// Spell returns the name of a block that other tools spell as the name
	// given, in capitals, and any other name as it is. Nil is for none such.
	spell func(name string) string

	// Readings are the rules that give keys their blocks, the default first.
	readings []reading

	// EraMark is a part of the keys by which eras can be told apart: their blocks
	// differ. It is "" if there are none.
	eraMark string

	// Heads are the blocks' first self-attentions, which the attention similarity
	// compares, in the order in which calculators go through them; some may not
	// be there. Each is the key of the queries' weights without its "q.weight".
	// Expected are the blocks of which calculators want one.
	heads    []string
	expected []string

	// Adjusted are the keys that SuperMerger's Adjust changes.
	adjusted []string
}

// A named block is a block's name and group.
type named struct {
	name  string
	group Group
}

// A reading is how one era gives keys their blocks: false is for keys that it
// does not merge. It is asked for canonical keys.
type reading struct {
	era  Era
	rule func(key string) (ID, bool)
}

// find returns the architecture called arch.
func find(arch Arch) (*architecture, bool) {
	i := slices.IndexFunc(architectures, func(a *architecture) bool { return a.name == arch })
	if i < 0 {
		return nil, false
	}
	return architectures[i], true
}

// Archs returns the architectures that have a layout, the oldest first.
func Archs() []Arch {
	var all []Arch
	for _, a := range architectures {
		all = append(all, a.name)
	}
	return all
}

// layouts holds each architecture in each era.
var layouts = func() (all []*Layout) {
	for _, a := range architectures {
		for _, r := range a.readings {
			all = append(all, &Layout{a, r})
		}
	}
	return all
}()

// For returns the layout of arch in era. The same arguments give the same
// layout, so layouts may be compared with ==.
func For(arch Arch, era Era) (*Layout, error) {
	for _, l := range layouts {
		if l.Arch() == arch && l.Era() == era {
			return l, nil
		}
	}
	a, ok := find(arch)
	switch {
	case !ok:
		return nil, fmt.Errorf("unknown architecture %q (known: %s)", arch, list(Archs()))
	case !slices.Contains(Eras(), era):
		return nil, fmt.Errorf("unknown era %q (known: %s)", era, list(Eras()))
	}
	return nil, fmt.Errorf("era %s is older than %s; use %s", era, arch, a.readings[0].era)
}

func list[S ~string](all []S) string {
	s := make([]string, len(all))
	for i, x := range all {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}

// TellsEra reports whether key is one of those that tell eras of arch apart:
// each era has them in another block.
func TellsEra(arch Arch, key string) bool {
	a, ok := find(arch)
	return ok && a.eraMark != "" && strings.Contains(key, a.eraMark)
}
