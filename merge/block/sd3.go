package block

import (
	"fmt"
	"strconv"
	"strings"
)

// sd3 is the family of Stable Diffusion 3 and 3.5: a transformer of blocks that
// join the image and the text, 24 in medium ("sd3-24") and 38 in large
// ("sd3-38"), beside two CLIPs and T5. No notation has blocks for it; ours are
// those that SuperMerger has for Flux: CLIP, T5, IN, J00 and on, OUT.
var sd3 = &architecture{
	name: "sd3",
	is: func(h Header) bool {
		return h.has(sd3First) && h.has(unetPrefix+"x_embedder.proj.weight") && h.has(unetPrefix+"context_embedder.weight")
	},
	loras:   sd3LoRAs,
	measure: func(h Header) (Arch, error) { return sd3Arch(h.count(sd3Joint)) },
	variant: func(h Header) (string, error) {
		if h.has(sd3Joint + "0.x_block.attn.ln_q.weight") {
			return "3.5", nil
		}
		return "", nil
	},
	sized: func(name Arch) *architecture {
		digits, ok := strings.CutPrefix(string(name), "sd3-")
		n, err := strconv.Atoi(digits)
		if want, bad := sd3Arch(n); !ok || err != nil || bad != nil || want != name {
			return nil
		}
		return sd3Sized(n)
	},
}

var sd3LoRAs = LoRAs{
	Trained: []string{"sd3", "stable-diffusion-3"},
	Starts:  []string{"joint_blocks."},
}

const (
	sd3Joint = unetPrefix + "joint_blocks."
	sd3First = sd3Joint + "0.x_block.attn.qkv.weight"
)

// The places of the blocks of Stable Diffusion 3.
const (
	sd3CLIP ID = iota
	sd3T5
	sd3IN
	sd3J
	sd3Most = MaxLen - int(sd3J) - 1 // joint blocks
)

// sd3Arch returns the name of the architecture with n joint blocks.
func sd3Arch(n int) (Arch, error) {
	if n < 1 || n > sd3Most {
		return "", fmt.Errorf("a transformer of %d joint blocks; there is room for %d", n, sd3Most)
	}
	return Arch("sd3-" + strconv.Itoa(n)), nil
}

func sd3Sized(n int) *architecture {
	blocks := []named{{"CLIP", Base}, {"T5", Base}, {"IN", "joint"}}
	for i := range n {
		blocks = append(blocks, named{fmt.Sprintf("J%02d", i), "joint"})
	}
	name, _ := sd3Arch(n)
	return &architecture{
		name:     name,
		keys:     func(b *builder, by func(int) int) { b.sd3(n, by) },
		blocks:   append(blocks, named{"OUT", "joint"}),
		groups:   []Group{"joint", Base},
		loras:    sd3LoRAs,
		texts:    2,
		readings: []reading{{Whole, func(key string) (ID, bool) { return sd3Block(n, key) }}},
	}
}

// sd3 adds the tensors of a model of so many joint blocks, whose channels are 64
// times as many (Stability-AI/sd3-ref, mmdit.py: 1536 in medium, 2432 in large).
// Large is 3.5 and has norms of queries and keys.
func (b *builder) sd3(depth int, by func(int) int) {
	const p = unetPrefix
	h, large := by(64*depth), depth >= 38
	b.add(p+"pos_embed", 1, by(192*192), h)
	b.conv(p+"x_embedder.proj", 16, h, 2)
	b.linear(p+"context_embedder", by(4096), h)
	b.linear(p+"t_embedder.mlp.0", by(256), h)
	b.linear(p+"t_embedder.mlp.2", h, h)
	b.linear(p+"y_embedder.mlp.0", by(2048), h)
	b.linear(p+"y_embedder.mlp.2", h, h)
	for i := range depth {
		for _, stream := range []string{"context_block", "x_block"} {
			l := fmt.Sprintf("%s%d.%s", sd3Joint, i, stream)
			last := i == depth-1 && stream == "context_block" // nobody reads what it would make
			b.linear(l+".attn.qkv", h, 3*h)
			if large {
				b.add(l+".attn.ln_q.weight", by(64))
				b.add(l+".attn.ln_k.weight", by(64))
			}
			if last {
				b.linear(l+".adaLN_modulation.1", h, 2*h)
				continue
			}
			b.linear(l+".attn.proj", h, h)
			b.linear(l+".mlp.fc1", h, 4*h)
			b.linear(l+".mlp.fc2", 4*h, h)
			b.linear(l+".adaLN_modulation.1", h, 6*h)
		}
	}
	b.linear(p+"final_layer.linear", h, 64)
	b.linear(p+"final_layer.adaLN_modulation.1", h, 2*h)
	b.vae16(vaePrefix, by(128))
	b.comfyCLIP("clip_l", textNumbers{width: by(768), layers: 12, vocab: by(49408)})
	b.add(textPrefix+"clip_l.transformer.text_projection.weight", by(768), by(768))
	b.comfyCLIP("clip_g", textNumbers{width: by(1280), layers: 32, vocab: by(49408)})
	b.add(textPrefix+"clip_g.transformer.text_projection.weight", by(1280), by(1280))
	b.t5(by)
}

// sd3Block returns the block of key in a model of n joint blocks.
func sd3Block(n int, key string) (ID, bool) {
	if rest, ok := strings.CutPrefix(key, textPrefix); ok {
		switch {
		case strings.HasPrefix(rest, "t5xxl."):
			return sd3T5, true
		case strings.HasPrefix(rest, "clip_"):
			return sd3CLIP, true
		}
		return 0, false
	}
	rest, ok := strings.CutPrefix(key, unetPrefix)
	if !ok {
		return 0, false
	}
	part, rest, _ := strings.Cut(rest, ".")
	switch part {
	case "joint_blocks":
		i, ok := numberBelow(rest, n)
		return sd3J + ID(i), ok
	case "pos_embed", "x_embedder", "context_embedder", "t_embedder", "y_embedder":
		return sd3IN, true
	case "final_layer":
		return sd3J + ID(n), true
	}
	return 0, false
}
