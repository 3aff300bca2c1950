package block

// sdxl is Stable Diffusion XL: nine input blocks, and two text encoders. The
// refiner, which has twelve, is not of it.
var sdxl = &architecture{
	name: SDXL,
	is: func(h Header) bool {
		return h.has(convIn) && !h.has(firstIn) && h.has(secondIn) && !isRefiner(h)
	},
	variant: unetVariant,
	beside:  unetBeside,
	keys: func(b *builder, by func(int) int) {
		l, g := by(768), by(1280)
		b.unet(unetNumbers{
			model: by(320), mult: []int{1, 2, 4}, depth: []int{0, 2, 10}, mid: 10, context: l + g, linear: true, label: by(2816),
		})
		b.vae(by(128))
		b.clip(xlPrefix+"embedders.0.transformer.text_model.", textNumbers{width: l, layers: 12, vocab: by(49408)})
		b.openCLIP(xlPrefix+"embedders.1.model.", textNumbers{width: g, layers: 32, vocab: by(49408)})
	},
	blocks: unetBlocks(9).names(),
	groups: unetGroups,
	texts:  1,
	spell:  spellUNet,
	readings: []reading{
		{SM2025, unetBlocks(9).xl2025},
		{Mecha, unetBlocks(9).xlMecha},
	},
	eraMark:  "time_embed",
	heads:    unetBlocks(9).heads(),
	adjusted: unetAdjusted,
	loras: LoRAs{
		Base: "sdxl_base_v1-0", Trained: []string{"sdxl_", "stable-diffusion-xl-v1"}, TextWidth: 2048, Deep: true,
		SingleFile: true,
		Encoders: []LoRAEncoder{
			{xlPrefix + "embedders.0." + clipLayers, "lora_te1_", false},
			{xlPrefix + "embedders.1." + openCLIPLayers, "lora_te2_", true},
		},
		Lists: xlLoRALists,
	},
	byWords: true,
}
