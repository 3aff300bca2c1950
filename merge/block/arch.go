package block

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// An Arch is the name of an architecture: of a family of models that share their
// keys. It says all that a [Layout] needs: those of families whose blocks differ
// from model to model hold the number of blocks, or all that tells keys apart
// ("sd3-24", "auto:layers*26+cap_embedder"), so that what names an architecture
// can be read without a model.
type Arch string

// The architectures that have one layout.
const (
	SD1     Arch = "sd1"          // Stable Diffusion 1.x
	SD2     Arch = "sd2"          // Stable Diffusion 2.x
	SDXL    Arch = "sdxl"         // Stable Diffusion XL (base, not the refiner)
	Refiner Arch = "sdxl-refiner" // the refiner of Stable Diffusion XL
	Flux    Arch = "flux"         // FLUX.1
)

// architectures is where an architecture is registered, the oldest first. The
// first that recognises a file counts.
var architectures = []*architecture{sd1, sd2, sdxl, refiner, flux, sd3, auto}

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

	// Beside says which variants can be merged with others; nil for none.
	beside *beside

	// Sized is for a family whose blocks differ from model to model: measure
	// returns the name of the architecture of a file that is of the family, and
	// sized the architecture of that name, nil if it is none of the family's. The
	// family itself has no other fields but is, variant and loras.
	measure func(h Header) (Arch, error)
	sized   func(name Arch) *architecture

	// Keys adds the tensors of a checkpoint in the order in which the network
	// defines them; by divides a width. Nil is for one whose tensors only its
	// files tell.
	keys func(b *builder, by func(int) int)

	// Blocks are the blocks in the order of vectors, and groups the groups that
	// they are of in the order in which people search them.
	blocks []named
	groups []Group

	// Texts is how many blocks, the first, are those of the text encoders, and 0
	// if a block of theirs holds parts of the network as well.
	texts int

	// Spell returns the name of a block that other tools spell as the name
	// given, in capitals, and any other name as it is. Nil is for none such.
	spell func(name string) string

	// Readings are the rules that give keys their blocks, the default first.
	readings []reading

	// Part returns the part of a key; nil stands for [PartOf].
	part func(key string) Part

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

	// Loras is what is known of LoRAs for it.
	loras LoRAs

	// ByWords says that SuperMerger goes by the words in a key: see
	// supermerger.go.
	byWords bool
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
	for _, a := range architectures {
		if a.sized != nil {
			if one := a.sized(arch); one != nil {
				return one, true
			}
		} else if a.name == arch {
			return a, true
		}
	}
	return nil, false
}

// Archs returns the architectures that have one layout, the oldest first.
func Archs() []Arch {
	var all []Arch
	for _, a := range architectures {
		if a.sized == nil {
			all = append(all, a.name)
		}
	}
	return all
}

// Families returns the names of the architectures, and of the families whose
// layouts differ from model to model, the oldest first.
func Families() []Arch {
	var all []Arch
	for _, a := range architectures {
		all = append(all, a.name)
	}
	return all
}

// layouts holds the layouts that were asked for, by their names. What is in it
// follows from the name alone.
var layouts sync.Map

// For returns the layout of arch in era. The same arguments give the same
// layout, so layouts may be compared with ==.
func For(arch Arch, era Era) (*Layout, error) {
	name := string(arch) + "/" + string(era)
	if l, ok := layouts.Load(name); ok {
		return l.(*Layout), nil
	}
	a, ok := find(arch)
	if !ok {
		return nil, fmt.Errorf("unknown architecture %q (known: %s)", arch, list(Families()))
	}
	for _, r := range a.readings {
		if r.era == era {
			l, _ := layouts.LoadOrStore(name, &Layout{a, r})
			return l.(*Layout), nil
		}
	}
	if !slices.Contains(Eras(), era) {
		return nil, fmt.Errorf("unknown era %q (known: %s)", era, list(Eras()))
	}
	return nil, fmt.Errorf("era %s does not know %s; use %s", era, arch, list(a.eras()))
}

// Default returns the layout of arch in its default era.
func Default(arch Arch) (*Layout, error) {
	if eras := ErasOf(arch); eras != nil {
		return For(arch, eras[0])
	}
	return For(arch, "")
}

// ErasOf returns the eras that know arch, the default first.
func ErasOf(arch Arch) []Era {
	a, ok := find(arch)
	if !ok {
		return nil
	}
	return a.eras()
}

func (a *architecture) eras() []Era {
	var all []Era
	for _, r := range a.readings {
		all = append(all, r.era)
	}
	return all
}

func list[S ~string](all []S) string {
	s := make([]string, len(all))
	for i, x := range all {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}
