package difference

import "mixmatch/merge/checkpoint"

// Is reports whether f looks like a LoRA or one of its kin: whether half of its
// tensors have the names of a change's factors. [Read] may refuse it still.
func Is(f *checkpoint.File) bool {
	all, some := 0, 0
	for _, t := range f.Tensors() {
		all++
		if _, _, _, ok := splitKey(t.Name); ok {
			some++
		}
	}
	return all > 0 && 2*some >= all
}
