package exchange

import (
	"slices"

	"mixmatch/merge/block"
)

// knows returns an error if the program that a format is for does not merge
// models of arch. Formats that are not listed hold all of them, or see for
// themselves.
func knows(format string, arch block.Arch) error {
	sd := []block.Arch{block.SD1, block.SD2, block.SDXL}
	superMerger := append(slices.Clone(sd), block.Refiner, block.Flux)
	known, listed := map[string][]block.Arch{
		"cards": superMerger, "presets": superMerger, "history": superMerger, "xyz": superMerger, "metadata-supermerger": superMerger,
		"metadata-webui": append(slices.Clone(sd), block.Refiner),
		"metadata-mixer": sd,
		"comfyui":        sd,
		"meh":            {block.SD1, block.SD2},
	}[format]
	if !listed || slices.Contains(known, arch) {
		return nil
	}
	return cannot("the program that it is for does not merge models of %s, or they have other blocks there; text, json and mergekit hold the recipe", arch)
}
