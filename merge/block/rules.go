package block

import (
	"fmt"
	"strconv"
	"strings"
)

// A unetBlocks is the blocks of a UNet with so many input blocks, which are as
// many as its output blocks: BASE, the inputs, M00, the outputs.
//
// Its rules follow SuperMerger's scripts/mergers/mergers.py in its eras, as
// recorded from its own routine: which keys are merged (lines 421-440 at
// c60e6f3) and which label they get (lines 1459-1528).
type unetBlocks int

// base is the block of the text encoder and the VAE.
const base ID = 0

func (n unetBlocks) in(i int) ID  { return ID(1 + i) }
func (n unetBlocks) mid() ID      { return ID(1 + n) }
func (n unetBlocks) out(i int) ID { return ID(2 + int(n) + i) }
func (n unetBlocks) lastOut() ID  { return n.out(int(n) - 1) }

// names lists the blocks.
func (n unetBlocks) names() []named {
	s := []named{{"BASE", Base}}
	for i := range int(n) {
		s = append(s, named{fmt.Sprintf("IN%02d", i), Inputs})
	}
	s = append(s, named{"M00", Inputs})
	for i := range int(n) {
		s = append(s, named{fmt.Sprintf("OUT%02d", i), Outputs})
	}
	return s
}

// unetGroups are the groups of a UNet's blocks.
var unetGroups = []Group{Outputs, Inputs, Base}

// spellUNet knows MID, MI00 and MID00 for M00.
func spellUNet(name string) string {
	if name == "MID" {
		return "M00"
	}
	for _, word := range []string{"MID", "MI"} {
		if digits, ok := strings.CutPrefix(name, word); ok {
			return "M" + digits
		}
	}
	return name
}

// heads lists the first self-attentions of the blocks.
func (n unetBlocks) heads() []string {
	var s []string
	add := func(place string) {
		s = append(s, unetPrefix+place+".1.transformer_blocks.0.attn1.to_")
	}
	for i := range int(n) {
		add(fmt.Sprintf("input_blocks.%d", i))
	}
	add("middle_block")
	for i := range int(n) {
		add(fmt.Sprintf("output_blocks.%d", i))
	}
	return s
}

// unetAdjusted are the tensors of a UNet that SuperMerger's Adjust changes
// (mergers.py:1552).
var unetAdjusted = []string{
	AdjustIn + ".weight", AdjustIn + ".bias", AdjustOut + ".weight", AdjustOut + ".bias",
	AdjustOut2 + ".weight", AdjustOut2 + ".bias",
}

// The layers that SuperMerger's Adjust changes: the first convolution, the last
// norm and the last convolution.
const (
	AdjustIn   = unetPrefix + "input_blocks.0.0"
	AdjustOut  = unetPrefix + "out.0"
	AdjustOut2 = unetPrefix + "out.2"
)

// sd2025 is SM2025 for SD1.x and SD2.x.
func (n unetBlocks) sd2025(key string) (ID, bool) {
	switch {
	case !mergedSince2023(key):
		return 0, false
	case strings.Contains(key, "time_embed"): // model_ema's too
		return n.lastOut(), true
	}
	return n.label(key)
}

// sd2023 is SM2023. EMA keys have no dots within and so are BASE.
func (n unetBlocks) sd2023(key string) (ID, bool) {
	switch {
	case !strings.Contains(key, "model"), strings.Contains(key, "position_ids"):
		return 0, false
	case !strings.Contains(key, "model.diffusion_model."):
		return base, true
	case strings.Contains(key, "time_embed"):
		return n.in(0), true
	}
	return n.label(key)
}

// sdMecha is Mecha for SD1.x and SD2.x.
func (n unetBlocks) sdMecha(key string) (ID, bool) {
	switch {
	case !mergedSince2023(key):
		return 0, false
	case strings.Contains(key, "time_embed"):
		return base, true
	}
	return n.label(key)
}

// xl2025 is SM2025 for SDXL, where what has no label is not merged.
func (n unetBlocks) xl2025(key string) (ID, bool) {
	switch {
	case !mergedSince2023(key), strings.Contains(key, "label_emb"), strings.Contains(key, "time_embed"):
		return 0, false
	case strings.Contains(key, "conditioner.embedders.0."),
		strings.Contains(key, "conditioner.embedders.1."),
		strings.Contains(key, "first_stage_model"):
		return base, true
	case !strings.Contains(key, "model.diffusion_model."):
		return 0, false
	}
	id, ok := n.label(key)
	return id, ok && id != base
}

// whole is Whole for a UNet: what has no block in it is in BASE.
func (n unetBlocks) whole(key string) (ID, bool) {
	if strings.HasSuffix(key, "position_ids") {
		return 0, false
	}
	switch PartOf(key) {
	case UNet:
		return n.label(key)
	case TextEncoder, VAE:
		return base, true
	}
	return 0, false
}

// xlMecha is Mecha for SDXL.
func (n unetBlocks) xlMecha(key string) (ID, bool) {
	if strings.HasPrefix(key, unetPrefix) && mergedSince2023(key) &&
		(strings.Contains(key, "label_emb") || strings.Contains(key, "time_embed")) {
		return base, true
	}
	return n.xl2025(key)
}

// mergedSince2023 reports whether SuperMerger merges key since 2023-07:
// position_ids, betas and OpenCLIP's text_projection, positional_embedding and
// logit_scale stay as they are.
func mergedSince2023(key string) bool { return ofModel(key) && isWeight(key) }

// label returns the block that the path within key names, BASE where it names
// none, and false where it names a block that the layout does not have.
func (n unetBlocks) label(key string) (ID, bool) {
	if strings.Contains(key, ".out.") {
		return n.lastOut(), true
	}
	if _, rest, ok := strings.Cut(key, ".input_blocks."); ok {
		i, ok := numberBelow(rest, int(n))
		return n.in(i), ok
	}
	if strings.Contains(key, ".middle_block.") {
		return n.mid(), true
	}
	if _, rest, ok := strings.Cut(key, ".output_blocks."); ok {
		i, ok := numberBelow(rest, int(n))
		return n.out(i), ok
	}
	return base, true
}

// numberBelow returns the number before the first dot of rest, if it is below n.
func numberBelow(rest string, n int) (int, bool) {
	digits, _, ok := strings.Cut(rest, ".")
	i, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || int(i) >= n {
		return 0, false
	}
	return int(i), true
}
