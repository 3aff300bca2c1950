package block

import (
	"fmt"
	"strings"
)

// flux is FLUX.1: a transformer of 19 blocks with separate weights for the image
// and the text, and 38 with shared ones, beside CLIP and T5. Its blocks are the
// 61 that SuperMerger has for it (mergers.py:212): CLIP, T5, IN, D00 to D18, S00
// to S37, OUT.
var flux = &architecture{
	name: Flux,
	is: func(h Header) bool {
		return h.count(fluxDouble) == fluxDoubles && h.count(fluxSingle) == fluxSingles &&
			h.has(unetPrefix+"double_blocks.0.img_mod.lin.weight") && h.has(fluxIn)
	},
	variant: fluxVariant,
	beside:  fluxBeside,
	keys:    fluxKeys,
	blocks:  fluxBlocks(),
	groups:  []Group{"single", "double", Base},
	texts:   2,
	readings: []reading{
		{SM2025, fluxSuperMerger},
		{Whole, fluxWhole},
	},
	eraMark: ".scale",
	loras: LoRAs{
		Trained: []string{"flux"},
		Starts:  []string{"double_blocks.", "single_blocks.", "single_transformer_blocks."},
	},
}

const (
	fluxDouble  = unetPrefix + "double_blocks."
	fluxSingle  = unetPrefix + "single_blocks."
	fluxIn      = unetPrefix + "img_in.weight"
	fluxDoubles = 19
	fluxSingles = 38
)

// The places of Flux's blocks.
const (
	fluxCLIP ID = iota
	fluxT5
	fluxIN
	fluxD
	fluxS   ID = fluxD + fluxDoubles
	fluxOUT ID = fluxS + fluxSingles
)

func fluxBlocks() []named {
	s := []named{{"CLIP", Base}, {"T5", Base}, {"IN", "double"}}
	for i := range fluxDoubles {
		s = append(s, named{fmt.Sprintf("D%02d", i), "double"})
	}
	for i := range fluxSingles {
		s = append(s, named{fmt.Sprintf("S%02d", i), "single"})
	}
	return append(s, named{"OUT", "single"})
}

// fluxVariant tells models apart by the channels of their input, which are those
// of the latent image in patches of 2x2 unless others are added, and by whether
// the guidance is an input.
func fluxVariant(h Header) (string, error) {
	in := h[fluxIn]
	if len(in) != 2 {
		return "", fmt.Errorf("%s has %d dimensions, not 2", fluxIn, len(in))
	}
	switch {
	case in[1] == 384:
		return "fill", nil
	case in[1] == 128:
		return "control", nil
	case in[1] != 64:
		return "", fmt.Errorf("a Flux transformer with %d input channels", in[1])
	case !h.has(unetPrefix + "guidance_in.in_layer.weight"):
		return "schnell", nil
	}
	return "", nil
}

// fluxBeside lets dev and schnell take in each other: schnell has no layer for the
// guidance, whose tensors a merge keeps from model A.
var fluxBeside = &beside{
	takes: func(a, b string) bool { return (a == "" || a == "schnell") && (b == "" || b == "schnell") },
	shared: func(key string, shape []int) ([]int, bool) {
		return shape, !strings.HasPrefix(key, unetPrefix+"guidance_in.")
	},
}

// fluxKeys lists FLUX.1 dev (black-forest-labs/flux, src/flux/util.py: 3072
// channels, 24 heads, MLPs of 4 times the width, text 4096 wide, its embedding 768).
func fluxKeys(b *builder, by func(int) int) {
	const p = unetPrefix
	h, head, mlp := by(3072), by(128), by(12288)
	b.linear(p+"img_in", 64, h)
	b.linear(p+"time_in.in_layer", by(256), h)
	b.linear(p+"time_in.out_layer", h, h)
	b.linear(p+"vector_in.in_layer", by(768), h)
	b.linear(p+"vector_in.out_layer", h, h)
	b.linear(p+"guidance_in.in_layer", by(256), h)
	b.linear(p+"guidance_in.out_layer", h, h)
	b.linear(p+"txt_in", by(4096), h)
	scales := func(name string) {
		b.add(name+".norm.query_norm.scale", head)
		b.add(name+".norm.key_norm.scale", head)
	}
	for i := range fluxDoubles {
		for _, stream := range []string{"img", "txt"} {
			l := fmt.Sprintf("%s%d.%s", fluxDouble, i, stream)
			b.linear(l+"_mod.lin", h, 6*h)
			b.linear(l+"_attn.qkv", h, 3*h)
			scales(l + "_attn")
			b.linear(l+"_attn.proj", h, h)
			b.linear(l+"_mlp.0", h, mlp)
			b.linear(l+"_mlp.2", mlp, h)
		}
	}
	for i := range fluxSingles {
		l := fmt.Sprintf("%s%d", fluxSingle, i)
		b.linear(l+".linear1", h, 3*h+mlp)
		b.linear(l+".linear2", h+mlp, h)
		scales(l)
		b.linear(l+".modulation.lin", h, 3*h)
	}
	b.linear(p+"final_layer.linear", h, 64)
	b.linear(p+"final_layer.adaLN_modulation.1", h, 2*h)
	b.vae16(vae2Prefix, by(128))
	b.comfyCLIP("clip_l", textNumbers{width: by(768), layers: 12, vocab: by(49408)})
	b.t5(by)
}

// fluxSuperMerger is SM2025: a key without "weight" and "bias", such as that of a
// norm's scale, is not merged, nor is the VAE (mergers.py:424 and 1492).
func fluxSuperMerger(key string) (ID, bool) {
	if !isWeight(key) {
		return 0, false
	}
	return fluxWhole(key)
}

// fluxWhole is Whole.
func fluxWhole(key string) (ID, bool) {
	if rest, ok := strings.CutPrefix(key, textPrefix); ok {
		switch {
		case strings.HasPrefix(rest, "t5xxl."):
			return fluxT5, true
		case strings.HasPrefix(rest, "clip"):
			return fluxCLIP, true
		}
		return 0, false
	}
	rest, ok := strings.CutPrefix(key, unetPrefix)
	if !ok {
		return 0, false
	}
	part, rest, _ := strings.Cut(rest, ".")
	switch part {
	case "double_blocks":
		i, ok := numberBelow(rest, fluxDoubles)
		return fluxD + ID(i), ok
	case "single_blocks":
		i, ok := numberBelow(rest, fluxSingles)
		return fluxS + ID(i), ok
	case "img_in", "txt_in", "time_in", "vector_in", "guidance_in":
		return fluxIN, true
	case "final_layer":
		return fluxOUT, true
	}
	return 0, false
}
