package difference

import (
	"fmt"
	"slices"
	"strings"

	"mixmatch/merge/block"
)

// blockLists are the blocks that a list of a LoRA's ratios is for, by its length:
// those of SuperMerger (scripts/mergers/pluslora.py, lines 36 to 41, at 0b1c491),
// which kohya's networks/svd_merge_lora.py has as well. The short ones name the
// blocks with attention alone, since other blocks have no LoRA of linear layers.
var blockLists = []struct {
	arch  []block.Arch
	names []string
}{
	{[]block.Arch{block.SD1, block.SD2}, strings.Fields("BASE IN01 IN02 IN04 IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")},
	{[]block.Arch{block.SDXL}, strings.Fields("BASE IN04 IN05 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05")},
	{[]block.Arch{block.SDXL}, strings.Fields("BASE IN00 IN01 IN02 IN03 IN04 IN05 IN06 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08")},
	{[]block.Arch{block.SD1, block.SD2, block.SDXL}, strings.Fields("BASE IN00 IN01 IN02 IN03 IN04 IN05 IN06 IN07 IN08 IN09 IN10 IN11 M00 " +
		"OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")},
}

// BlockRatios returns an alpha vector of layout l from the ratios of a LoRA's
// blocks as SuperMerger and prompts list them: 17 or 26 numbers for SD1 and SD2, 12,
// 20 or 26 for SDXL, whose last blocks of each side 26 numbers name in vain. BASE,
// the first, is the text encoders.
//
// A block that the list does not name gets 0, as SuperMerger has it. (Kohya's
// svd_merge_lora.py and sdxl_merge_lora.py give such a block the whole LoRA. And
// SuperMerger gives ratio 1 to what is in no block at all, such as time_embed.)
func BlockRatios(l *block.Layout, ratios []float64) ([]float64, error) {
	var lengths []string
	for _, list := range blockLists {
		if !slices.Contains(list.arch, l.Arch()) {
			continue
		}
		if len(list.names) != len(ratios) {
			lengths = append(lengths, fmt.Sprint(len(list.names)))
			continue
		}
		alpha := make([]float64, l.Len())
		for i, name := range list.names {
			if id, ok := l.Index(name); ok {
				alpha[id] = ratios[i]
			}
		}
		return alpha, nil
	}
	return nil, fmt.Errorf("%d ratios of blocks for a LoRA of %s; such lists have %s", len(ratios), l.Arch(), strings.Join(lengths, " or "))
}
