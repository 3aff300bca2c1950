package similarity

import (
	"mixmatch/merge/block"
)

// A Lack says that a model lacks weights that the target and the first model have.
// It takes no part in their blocks.
type Lack struct {
	Model string
	Part  block.Part
	N, Of int // tensors, of those of the part
}

// Lacking returns what the models lack of what is merged under l, in their order.
// Differences, which have what they change, lack nothing.
func (g *Gram) Lacking(l *block.Layout) []Lack {
	of := map[block.Part]int{}
	lacks := map[block.Part][]int{}
	for _, t := range g.Tensors {
		if _, merged := l.Of(t.Key); !merged { // such as position ids, which have no block
			continue
		}
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
