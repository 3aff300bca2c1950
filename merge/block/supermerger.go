package block

import "strings"

// What SuperMerger does with a tensor it decides by words in the tensor's key. For
// the architectures that it did not know when it began, it does not look for the
// word "model". (mergers.py at c60e6f3.)

// Computes reports whether a model computes with the tensor of key, so that it is
// stored in the number format that is asked for: of Stable Diffusion, what
// SuperMerger saves in half precision.
func (l *Layout) Computes(key string) bool { return !l.byWords || ofModel(key) }

// Copies reports whether a step copies the tensor of key from model B where A
// lacks it (mergers.py:622). SuperMerger copies nothing of Flux.
func (l *Layout) Copies(key string) bool {
	switch {
	case l.byWords:
		return ofModel(key) && key != positionIDs
	case l.Arch() == Flux:
		return l.Era() != SM2025
	}
	return true
}

// ofModel reports whether SuperMerger takes key for one of a model: only those
// are merged, copied from model B and saved in half precision.
func ofModel(key string) bool { return strings.Contains(key, "model") }

// Subtracts reports whether an add difference takes the difference of the tensors
// of key. SuperMerger does so of weights and biases alone (mergers.py:368).
func (l *Layout) Subtracts(key string) bool { return isWeight(key) || l.Era() == Whole }

// isWeight reports whether SuperMerger takes key for one of a layer's weights.
func isWeight(key string) bool {
	return strings.Contains(key, "weight") || strings.Contains(key, "bias")
}

// ComparedByCosine reports whether key is one of those whose similarities the
// cosine modes take their range from (mergers.py:705).
func ComparedByCosine(key string) bool { return ofModel(key) && !SkippedByCosine(key) }

// SkippedByCosine reports whether the cosine modes leave key as model A has it,
// since it is one of a VAE (mergers.py:705).
func SkippedByCosine(key string) bool { return strings.Contains(key, "first_stage_model") }

// KeptBySelf reports whether the mode "self" leaves key as model A has it.
func KeptBySelf(key string) bool {
	return strings.Contains(key, "to_out") || strings.Contains(key, "proj_out") || strings.Contains(key, "norm")
}

// positionIDs is the key that SuperMerger does not copy from B though A lacks it
// (mergers.py:99).
const positionIDs = clipPrefix + "transformer.text_model.embeddings.position_ids"
