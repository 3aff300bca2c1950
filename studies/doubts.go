package studies

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/similarity"
)

const (
	// Of what a search gains on its own inputs, less than this share on others is
	// luck.
	heldOutShare = 0.5
	// A mix this many times farther from the target in weights (|T-M|^2) than the
	// one it began at has paid for its gain.
	distanceLimit = 1.01
)

// Doubts are the blocks in which something speaks against the mix found: its
// gain is luck, or it moved away from the target in weights. Each with numbers.
type doubts struct{ lucky, farther []string }

// add adds what speaks against the mix found in block id, if anything does.
func (d *doubts) add(blocks *similarity.Blocks, id block.ID, a *Likeness) {
	fitted, other := a.Fitted-a.ByWeights.Fitted, a.HeldOut-a.ByWeights.HeldOut
	if fitted < 10*attentionGain {
		return
	}
	name := blocks.Layout.Name(id)
	before, after := blocks.Distance(id, a.mixes[0]), blocks.Distance(id, a.mixes[1])
	switch {
	case other < heldOutShare*fitted:
		d.lucky = append(d.lucky, fmt.Sprintf("%s %+.4f %% and %+.4f %%", name, 100*fitted, 100*other))
	case after > distanceLimit*before:
		d.farther = append(d.farther, fmt.Sprintf("%s %+.4f %% for %.2f times", name, 100*fitted, after/before))
	}
}

func (d *doubts) notes() (notes []string) {
	if len(d.lucky) > 0 {
		notes = append(notes, "what the search gained in attention similarity on its own random inputs holds by less than half, or not at all, "+
			"on others; the rest is luck, so prefer --metric weight: "+strings.Join(d.lucky, ", "))
	}
	if len(d.farther) > 0 {
		notes = append(notes, "the attention similarity rose while the weights moved away from the target, whose |T-M|^2 grew: "+strings.Join(d.farther, ", "))
	}
	return notes
}
