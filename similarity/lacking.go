package similarity

import (
	"mixmatch/merge/block"
)

// A Lack says that a model lacks tensors that the target and the first model have.
// It takes no part in their blocks.
type Lack struct {
	Model string
	Part  block.Part
	N, Of int // tensors, of those of the part
}

// Lacking returns what the models lack, in their order. Differences, which have
// what they change, lack nothing.
func (g *Gram) Lacking() []Lack {
	of := map[block.Part]int{}
	lacks := map[block.Part][]int{}
	for _, t := range g.Tensors {
		part := t.Part()
		of[part]++
		if lacks[part] == nil {
			lacks[part] = make([]int, len(g.Names))
		}
		for _, i := range t.Absent {
			lacks[part][i]++
		}
	}
	var list []Lack
	for i, name := range g.Names[:g.models()] {
		for _, part := range block.Parts() {
			if n := lacks[part]; n != nil && n[i] > 0 {
				list = append(list, Lack{name, part, n[i], of[part]})
			}
		}
	}
	return list
}
