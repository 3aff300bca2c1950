package block

import (
	"strconv"
	"strings"
)

// The rules follow SuperMerger's scripts/mergers/mergers.py in its eras, as
// recorded from its own routine: which keys are merged (lines 421-440 at
// c60e6f3) and which label they get (lines 1459-1528).

// base is the block of the text encoder and the VAE in every layout.
const base ID = 0

// sides returns the number of input blocks, which is that of output blocks.
func (l *Layout) sides() int { return (len(l.names) - 2) / 2 }

func (l *Layout) in(n int) ID  { return ID(1 + n) }
func (l *Layout) mid() ID      { return ID(1 + l.sides()) }
func (l *Layout) out(n int) ID { return ID(2 + l.sides() + n) }
func (l *Layout) lastOut() ID  { return ID(len(l.names) - 1) }

// sd2025 is SM2025 for SD1.x and SD2.x.
func sd2025(l *Layout, key string) (ID, bool) {
	switch {
	case !named(key):
		return 0, false
	case strings.Contains(key, "time_embed"): // model_ema's too
		return l.lastOut(), true
	}
	return l.label(key)
}

// sd2023 is SM2023. EMA keys have no dots within and so are BASE.
func sd2023(l *Layout, key string) (ID, bool) {
	switch {
	case !strings.Contains(key, "model"), strings.Contains(key, "position_ids"):
		return 0, false
	case !strings.Contains(key, "model.diffusion_model."):
		return base, true
	case strings.Contains(key, "time_embed"):
		return l.in(0), true
	}
	return l.label(key)
}

// sdMecha is Mecha for SD1.x and SD2.x.
func sdMecha(l *Layout, key string) (ID, bool) {
	switch {
	case !named(key):
		return 0, false
	case strings.Contains(key, "time_embed"):
		return base, true
	}
	return l.label(key)
}

// xl2025 is SM2025 for SDXL, where what has no label is not merged.
func xl2025(l *Layout, key string) (ID, bool) {
	switch {
	case !named(key), strings.Contains(key, "label_emb"), strings.Contains(key, "time_embed"):
		return 0, false
	case strings.Contains(key, "conditioner.embedders.0."),
		strings.Contains(key, "conditioner.embedders.1."),
		strings.Contains(key, "first_stage_model"):
		return base, true
	case !strings.Contains(key, "model.diffusion_model."):
		return 0, false
	}
	id, ok := l.label(key)
	return id, ok && id != base
}

// xlMecha is Mecha for SDXL.
func xlMecha(l *Layout, key string) (ID, bool) {
	if strings.HasPrefix(key, unetPrefix) && named(key) &&
		(strings.Contains(key, "label_emb") || strings.Contains(key, "time_embed")) {
		return base, true
	}
	return xl2025(l, key)
}

// named reports whether SuperMerger merges key since 2023-07: position_ids,
// betas and OpenCLIP's text_projection, positional_embedding and logit_scale
// stay as they are.
func named(key string) bool {
	return strings.Contains(key, "model") &&
		(strings.Contains(key, "weight") || strings.Contains(key, "bias"))
}

// label returns the block that the path within key names, BASE where it names
// none, and false where it names a block that the layout does not have.
func (l *Layout) label(key string) (ID, bool) {
	if strings.Contains(key, ".out.") {
		return l.lastOut(), true
	}
	if _, rest, ok := strings.Cut(key, ".input_blocks."); ok {
		n, ok := l.number(rest)
		return l.in(n), ok
	}
	if strings.Contains(key, ".middle_block.") {
		return l.mid(), true
	}
	if _, rest, ok := strings.Cut(key, ".output_blocks."); ok {
		n, ok := l.number(rest)
		return l.out(n), ok
	}
	return base, true
}

// number returns the number before the first dot of rest, if it is that of an
// input or output block.
func (l *Layout) number(rest string) (int, bool) {
	digits, _, ok := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || int(n) >= l.sides() {
		return 0, false
	}
	return int(n), true
}
