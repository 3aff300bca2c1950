package block

import "strings"

// The prefixes of the parts of a checkpoint. Those of newer ones are ComfyUI's.
const (
	unetPrefix = "model.diffusion_model."
	vaePrefix  = "first_stage_model."
	vae2Prefix = "vae."
	clipPrefix = "cond_stage_model."
	xlPrefix   = "conditioner."
	textPrefix = "text_encoders."
	emaPrefix  = "model_ema."
)

// A Part is a network within a checkpoint.
type Part uint8

// The parts. Other holds what belongs to no network, such as the noise
// schedule.
const (
	UNet Part = iota // the network that makes images, a UNet or a transformer
	TextEncoder
	VAE
	EMA
	Other
)

// Parts returns all parts, in order.
func Parts() []Part { return []Part{UNet, TextEncoder, VAE, EMA, Other} }

// String returns the part's name as people write it.
func (p Part) String() string {
	switch p {
	case UNet:
		return "UNet"
	case TextEncoder:
		return "text encoder"
	case VAE:
		return "VAE"
	case EMA:
		return "EMA"
	}
	return "other"
}

// PartOf returns the part that key belongs to, as far as its prefix tells: the
// network of a file that has no prefixes is Other. See [Layout.Part].
func PartOf(key string) Part {
	for _, p := range []struct {
		prefix string
		part   Part
	}{
		{unetPrefix, UNet},
		{clipPrefix, TextEncoder},
		{xlPrefix, TextEncoder},
		{textPrefix, TextEncoder},
		{vaePrefix, VAE},
		{vae2Prefix, VAE},
		{emaPrefix, EMA},
	} {
		if strings.HasPrefix(key, p.prefix) {
			return p.part
		}
	}
	return Other
}
