package block

import "strings"

// What SuperMerger does with a tensor it decides by words in the tensor's key,
// whatever the architecture. (mergers.py at c60e6f3.)

// OfModel reports whether SuperMerger takes key for one of a model: only those
// are merged, copied from model B and saved in half precision.
func OfModel(key string) bool { return strings.Contains(key, "model") }

// IsWeight reports whether SuperMerger takes key for one of a layer's weights:
// of those alone it takes differences.
func IsWeight(key string) bool {
	return strings.Contains(key, "weight") || strings.Contains(key, "bias")
}

// ComparedByCosine reports whether key is one of those whose similarities the
// cosine modes take their range from (mergers.py:705).
func ComparedByCosine(key string) bool { return OfModel(key) && !SkippedByCosine(key) }

// SkippedByCosine reports whether the cosine modes leave key as model A has it,
// since it is one of a VAE (mergers.py:705).
func SkippedByCosine(key string) bool { return strings.Contains(key, "first_stage_model") }

// KeptBySelf reports whether the mode "self" leaves key as model A has it.
func KeptBySelf(key string) bool {
	return strings.Contains(key, "to_out") || strings.Contains(key, "proj_out") || strings.Contains(key, "norm")
}

// PositionIDs is the key that SuperMerger does not copy from B though A lacks it
// (mergers.py:99).
const PositionIDs = clipPrefix + "transformer.text_model.embeddings.position_ids"
