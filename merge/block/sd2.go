package block

// sd2 is Stable Diffusion 2.x: a UNet whose projections into transformers are
// linear, and OpenCLIP. One that takes image embeddings, unCLIP, has a layer for
// them.
var sd2 = &architecture{
	name: SD2,
	is: func(h Header) bool {
		return h.has(convIn) && len(h[firstIn]) == 2
	},
	variant: func(h Header) (string, error) {
		v, err := unetVariant(h)
		if v == "" && err == nil && h.has(labelEmb) {
			return "unclip", nil
		}
		return v, err
	},
	beside: unetBeside,
	keys: func(b *builder, by func(int) int) {
		b.unet(unetNumbers{
			model: by(320), mult: []int{1, 2, 4, 4}, depth: []int{1, 1, 1, 0}, mid: 1, context: by(1024), linear: true,
		})
		b.vae(by(128))
		b.openCLIP(clipPrefix+"model.", textNumbers{width: by(1024), layers: 24, vocab: by(49408)})
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
		Base: "sd_v2", Trained: []string{"sd_v2", "stable-diffusion-v2"}, TextWidth: 1024,
		Encoders: []LoRAEncoder{{clipPrefix + openCLIPLayers, "lora_te_", true}},
		Lists:    sdLoRALists,
	},
	byWords: true,
}
