package block

import (
	"errors"
	"fmt"
)

// ErrModel is wrapped by the errors of [Detect]: the file is not a checkpoint
// that has blocks.
var ErrModel = errors.New("not a Stable Diffusion checkpoint")

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

// Keys that only a UNet of some architecture has. Widths are never looked at,
// so a model of reduced width is recognised as its full-size original is.
const (
	convIn   = unetPrefix + "input_blocks.0.0.weight"
	firstIn  = unetPrefix + "input_blocks.1.1.proj_in.weight" // SD1 and SD2 have attention here
	secondIn = unetPrefix + "input_blocks.4.1.proj_in.weight" // SDXL and its refiner only from here on
	fourthIn = unetPrefix + "input_blocks.9.0.op.weight"      // SDXL has nine input blocks, the refiner twelve
	labelEmb = unetPrefix + "label_emb.0.0.weight"
)

// Detect tells which model a checkpoint holds from its header alone. Shape
// returns the dimensions of the tensor called key, and false where there is
// none.
//
// The error, which wraps [ErrModel], says what the file is instead, if Detect
// knows.
func Detect(shape func(key string) ([]int, bool)) (Model, error) {
	has := func(key string) bool { _, ok := shape(key); return ok }

	in, ok := shape(convIn)
	if !ok {
		return Model{}, fmt.Errorf("%w: %s", ErrModel, guess(has))
	}
	if len(in) != 4 {
		return Model{}, fmt.Errorf("%w: %s has %d dimensions, not 4", ErrModel, convIn, len(in))
	}
	m := Model{}
	switch first, ok := shape(firstIn); {
	case ok && len(first) == 4:
		m.Arch = SD1 // projections are 1x1 convolutions
	case ok && len(first) == 2:
		m.Arch = SD2 // projections are linear
	case ok:
		return Model{}, fmt.Errorf("%w: %s has %d dimensions, not 2 or 4", ErrModel, firstIn, len(first))
	case has(fourthIn) && has(labelEmb):
		return Model{}, fmt.Errorf("%w: the SDXL refiner, which has no blocks of its own in any merge notation", ErrModel)
	case has(secondIn):
		m.Arch = SDXL
	default:
		return Model{}, fmt.Errorf("%w: a UNet of unknown or incomplete architecture (no %s)", ErrModel, firstIn)
	}
	switch in[1] {
	case 4:
	case 5:
		m.Variant = "depth"
	case 8:
		m.Variant = "pix2pix"
	case 9:
		m.Variant = "inpainting"
	default:
		return Model{}, fmt.Errorf("%w: a UNet with %d input channels", ErrModel, in[1])
	}
	if m.Arch == SD2 && m.Variant == "" && has(labelEmb) {
		m.Variant = "unclip"
	}
	return m, nil
}

// guess says what a file without an SD UNet is, by keys that are typical of it.
func guess(has func(key string) bool) string {
	for _, k := range kinds {
		for _, key := range k.keys {
			if has(key) {
				return k.what
			}
		}
	}
	return "no key of a UNet, a text encoder or a VAE"
}
