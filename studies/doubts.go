package studies

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

const (
	// Of what a search gains on its own inputs, less than this share on others
	// is luck.
	luck = 0.5
	// A mix this much farther from the target in weights than the nearest has
	// paid for its gain.
	price = 1.01
)

// Doubts are what speaks against the mixes found, by block.
type doubts struct{ luck, paid []string }

// add adds what speaks against the mix found in block id, if anything does.
func (d *doubts) add(blocks *similarity.Blocks, id block.ID, a *Likeness) {
	fitted, other := a.Fitted-a.ByWeights.Fitted, a.HeldOut-a.ByWeights.HeldOut
	if fitted < 10*attentionGain {
		return
	}
	name := blocks.Layout.Name(id)
	before, after := blocks.Distance(id, a.mixes[0]), blocks.Distance(id, a.mixes[1])
	switch {
	case other < luck*fitted:
		d.luck = append(d.luck, fmt.Sprintf("%s %+.4f %% and %+.4f %%", name, 100*fitted, 100*other))
	case after > price*before:
		d.paid = append(d.paid, fmt.Sprintf("%s %+.4f %% for %.2f times", name, 100*fitted, after/before))
	}
}

func (d *doubts) notes() (notes []string) {
	if len(d.luck) > 0 {
		notes = append(notes, "what the search gained in attention similarity on its own random inputs holds by less than half, or not at all, "+
			"on others; the rest is luck, so prefer --metric weight: "+strings.Join(d.luck, ", "))
	}
	if len(d.paid) > 0 {
		notes = append(notes, "the attention similarity rose while the weights moved away from the target, whose |T-M|^2 grew: "+strings.Join(d.paid, ", "))
	}
	return notes
}
