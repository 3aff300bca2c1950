package block

// refiner is the refiner of Stable Diffusion XL: a UNet of twelve input blocks
// with attention in the middle two of four levels, and the larger of SDXL's text
// encoders. SuperMerger takes it for Stable Diffusion 1, since it knows SDXL by
// the second text encoder (mergers.py:338).
var refiner = &architecture{
	name: Refiner,
	is: func(h Header) bool {
		return h.has(convIn) && !h.has(firstIn) && isRefiner(h)
	},
	variant: unetVariant,
	keys: func(b *builder, by func(int) int) {
		g := by(1280)
		b.unet(unetNumbers{
			model: by(384), mult: []int{1, 2, 4, 4}, depth: []int{0, 4, 4, 0}, mid: 4, context: g, linear: true, label: by(2560),
		})
		b.vae(by(128))
		b.openCLIP(xlPrefix+"embedders.0.model.", textNumbers{width: g, layers: 32, vocab: by(49408)})
	},
	blocks: unetBlocks(12).names(),
	groups: unetGroups,
	texts:  1,
	spell:  spellUNet,
	readings: []reading{
		{SM2025, unetBlocks(12).sd2025},
		{Whole, unetBlocks(12).whole},
	},
	eraMark:  "time_embed",
	heads:    unetBlocks(12).heads(),
	adjusted: unetAdjusted,
	loras:    LoRAs{TextWidth: 1280, Deep: true},
	byWords:  true,
}

// isRefiner reports whether a UNet is that of SDXL's refiner.
func isRefiner(h Header) bool { return h.has(fourthIn) && h.has(labelEmb) }
