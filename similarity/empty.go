package similarity

import (
	"encoding/json"

	"mixmatch/merge"
	"mixmatch/merge/block"
)

// EmptyBlocks are the names of blocks that hold no tensor, by era: the eras differ
// in where they have some tensors, and so in what is left with none.
type EmptyBlocks map[block.Era][]string

// anyEra stands for all eras, in products stored before each had its own.
const anyEra block.Era = ""

// emptyBlocks returns the blocks of arch of which no model holds a tensor.
func emptyBlocks(arch block.Arch, models []*merge.Model) EmptyBlocks {
	empty := EmptyBlocks{}
	for _, era := range block.ErasOf(arch) {
		l, err := block.For(arch, era)
		if err != nil {
			continue
		}
		var held block.Set
		for _, m := range models {
			for _, t := range m.File.Tensors() {
				if id, ok := l.Of(t.Name); ok {
					held = held.With(id)
				}
			}
		}
		for id := range l.Blocks().Minus(held).All() {
			empty[era] = append(empty[era], l.Name(id))
		}
	}
	return empty
}

// in returns the names in one era.
func (e EmptyBlocks) in(era block.Era) []string {
	if names, ok := e[anyEra]; ok {
		return names
	}
	return e[era]
}

// UnmarshalJSON also reads the one list of products stored before each era had its
// own.
func (e *EmptyBlocks) UnmarshalJSON(text []byte) error {
	var names []string
	if json.Unmarshal(text, &names) == nil {
		*e = EmptyBlocks{anyEra: names}
		return nil
	}
	return json.Unmarshal(text, (*map[block.Era][]string)(e))
}
