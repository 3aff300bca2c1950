package studies

import (
	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/similarity"
)

// loraNotes says what of LoRAs has no part in anything.
func (p *Plan) loraNotes() []string {
	var notes []string
	for _, in := range p.Sources {
		for _, n := range in.Notes {
			notes = append(notes, in.Name+": "+n)
		}
	}
	return notes
}

// looseNotes says what LoRAs change in no block of l, where nothing is compared.
func looseNotes(g *similarity.Gram, l *block.Layout) []string {
	var notes []string
	for i := len(g.Names) - g.Differences; i < len(g.Names); i++ {
		for _, part := range block.Parts() {
			n := 0
			for k := range g.Tensors {
				t := &g.Tensors[k]
				if _, governed := l.Of(t.Key); !governed && l.Part(t.Key) == part && t.P.Own()[i] > 0 {
					n++
				}
			}
			if n > 0 {
				notes = append(notes, merge.InNoBlock(g.Names[i], part, n, "what it adds there is not compared"))
			}
		}
	}
	return notes
}
