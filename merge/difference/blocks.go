package difference

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
)

// BlockRatios returns an alpha vector of layout l from the ratios of a LoRA's
// blocks as SuperMerger and prompts list them: 17 or 26 numbers for SD1 and SD2, 12,
// 20 or 26 for SDXL, whose last blocks of each side 26 numbers name in vain. BASE,
// the first, is the text encoders.
//
// A block that the list does not name gets 0, as SuperMerger has it. (Kohya's
// svd_merge_lora.py and sdxl_merge_lora.py give such a block the whole LoRA. And
// SuperMerger gives ratio 1 to what is in no block at all, such as time_embed.)
func BlockRatios(l *block.Layout, ratios []float64) ([]float64, error) {
	names := l.LoRAList(len(ratios))
	if names == nil {
		var lengths []string
		for _, list := range block.LoRAsOf(l.Arch()).Lists {
			lengths = append(lengths, fmt.Sprint(len(list)))
		}
		return nil, fmt.Errorf("%d ratios of blocks for a LoRA of %s; such lists have %s", len(ratios), l.Arch(), strings.Join(lengths, " or "))
	}
	alpha := make([]float64, l.Len())
	for i, name := range names {
		if id, ok := l.Index(name); ok {
			alpha[id] = ratios[i]
		}
	}
	return alpha, nil
}
