package block

import "strings"

// sd1 is Stable Diffusion 1.x: a UNet whose projections into transformers are
// convolutions, and CLIP.
var sd1 = &architecture{
	name: SD1,
	is: func(h Header) bool {
		return h.has(convIn) && len(h[firstIn]) == 4
	},
	variant: unetVariant,
	beside:  unetBeside,
	keys: func(b *builder, by func(int) int) {
		b.unet(unetNumbers{
			model: by(320), mult: []int{1, 2, 4, 4}, depth: []int{1, 1, 1, 0}, mid: 1, context: by(768),
		})
		b.vae(by(128))
		b.clip(clipPrefix+"transformer.text_model.", textNumbers{width: by(768), layers: 12, vocab: by(49408)})
	},
	blocks: unetBlocks(12).names(),
	groups: unetGroups,
	texts:  1,
	spell:  spellUNet,
	readings: []reading{
		{SM2025, unetBlocks(12).sd2025},
		{SM2023, unetBlocks(12).sd2023},
		{Mecha, unetBlocks(12).sdMecha},
	},
	eraMark:  "time_embed",
	heads:    unetBlocks(12).heads(),
	expected: sdHeads,
	adjusted: unetAdjusted,
	loras: LoRAs{
		Base: "sd_v1", Trained: []string{"sd_v1", "stable-diffusion-v1"}, TextWidth: 768,
		Encoders: []LoRAEncoder{{clipPrefix + clipLayers, "lora_te_", false}},
		Lists:    sdLoRALists,
	},
	byWords: true,
}

// sdHeads are the blocks of Stable Diffusion 1 and 2 that have a self-attention.
var sdHeads = strings.Fields("IN01 IN02 IN04 IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")
