package block

import (
	"errors"
	"fmt"
	"strings"
)

// ErrModel is wrapped by the errors of [Detect]: the file is not a checkpoint
// that has blocks.
var ErrModel = errors.New("no model that can be merged")

// A Model is what the header of a checkpoint says of it.
type Model struct {
	Arch Arch

	// Variant tells apart UNets whose shapes differ though their blocks do
	// not: "" for the usual one, "inpainting", "pix2pix" and "depth" for those
	// with 9, 8 and 5 input channels, and "unclip" for an SD2 that takes image
	// embeddings.
	Variant string
}

// String returns the architecture with its variant, such as "sd1 inpainting".
func (m Model) String() string {
	if m.Variant == "" {
		return string(m.Arch)
	}
	return string(m.Arch) + " " + m.Variant
}

// Layout returns the layout of m's architecture in its default era, nil if that
// is unknown.
func (m Model) Layout() *Layout {
	l, err := Default(m.Arch)
	if err != nil {
		return nil
	}
	return l
}

// Keys that only a UNet of some architecture has.
const (
	convIn   = unetPrefix + "input_blocks.0.0.weight"
	firstIn  = unetPrefix + "input_blocks.1.1.proj_in.weight" // SD1 and SD2 have attention here
	secondIn = unetPrefix + "input_blocks.4.1.proj_in.weight" // SDXL and its refiner only from here on
	fourthIn = unetPrefix + "input_blocks.9.0.op.weight"      // SDXL has nine input blocks, the refiner twelve
	labelEmb = unetPrefix + "label_emb.0.0.weight"
)

// A Header holds the shapes of a file's tensors by their keys.
type Header map[string][]int

func (h Header) has(key string) bool { _, ok := h[key]; return ok }

// count returns how many numbers from 0 on stand behind prefix in keys.
func (h Header) count(prefix string) int {
	found := map[int]bool{}
	for key := range h {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			if i, ok := numberBelow(rest, MaxLen); ok {
				found[i] = true
			}
		}
	}
	n := 0
	for found[n] {
		n++
	}
	return n
}

// Detect tells which model a checkpoint holds from its header alone.
//
// The error, which wraps [ErrModel], says what the file is instead, if Detect
// knows.
func Detect(h Header) (Model, error) {
	for _, a := range architectures {
		if !a.is(h) {
			continue
		}
		m := Model{Arch: a.name}
		var err error
		if a.measure != nil {
			m.Arch, err = a.measure(h)
		}
		if err == nil && a.variant != nil {
			m.Variant, err = a.variant(h)
		}
		if err != nil {
			return Model{}, fmt.Errorf("%w: %w", ErrModel, err)
		}
		return m, nil
	}
	return Model{}, fmt.Errorf("%w: %s", ErrModel, guess(h))
}

// unetVariant tells a UNet's variant by the channels of its input.
func unetVariant(h Header) (string, error) {
	in := h[convIn]
	if len(in) != 4 {
		return "", fmt.Errorf("%s has %d dimensions, not 4", convIn, len(in))
	}
	switch in[1] {
	case 4:
		return "", nil
	case 5:
		return "depth", nil
	case 8:
		return "pix2pix", nil
	case 9:
		return "inpainting", nil
	}
	return "", fmt.Errorf("a UNet with %d input channels", in[1])
}

// guess says what a file is that is of no architecture, by keys that are typical
// of it.
func guess(h Header) string {
	if what := guessed(h); what != "" {
		return what
	}
	if what := among(networks, h); what != "" {
		return what
	}
	return "no key of a UNet, a text encoder or a VAE"
}

// guessed says what a file is that is no network to merge, "" if it may be one.
func guessed(h Header) string {
	switch first, ok := h[firstIn]; {
	case !h.has(convIn):
	case len(h[convIn]) != 4:
		return fmt.Sprintf("%s has %d dimensions, not 4", convIn, len(h[convIn]))
	case ok:
		return fmt.Sprintf("%s has %d dimensions, not 2 or 4", firstIn, len(first))
	default:
		return "a UNet of unknown or incomplete architecture (no " + firstIn + ")"
	}
	if what := among(kinds, h); what != "" {
		return what
	}
	for key := range h {
		for _, half := range loraHalves {
			if strings.HasSuffix(key, half) {
				return aLoRA
			}
		}
	}
	return ""
}

// among returns the first of some kinds that a file is of, "" for none.
func among(some []kind, h Header) string {
	for _, k := range some {
		for _, key := range k.keys {
			if h.has(key) {
				return k.what
			}
		}
	}
	return ""
}
