package demo

// A kin is a set of models that were trained from each other.
type kin uint8

const (
	alone kin = iota
	bra
	shaper
	epic
	kins
)

// A character is what tells one model of the family from another.
type character struct {
	name  string
	kin   kin
	drift float64 // how far training moved it, in standard deviations of a weight
	noVAE bool
	decoy bool
}

// baseName is the model that all others were trained from, in spirit.
const baseName = "v1-5-pruned-emaonly"

// rootName is the model whose VAE the target has, the first of the characters.
const rootName = "OpenBra"

// targetName is the result of the planted recipe.
const targetName = "BlessingMix_V1"

// characters are the models of the article, and two that have no part in it.
var characters = []character{
	{name: rootName, kin: bra, drift: 0.14},
	{name: "OpenBra1.1", kin: bra, drift: 0.13},
	{name: "Evt_V4_e04_ema", drift: 0.20},
	{name: "diamondcoalmix_diamondcoalv2pruned", drift: 0.12},
	{name: "epicrealism_newAge", kin: epic, drift: 0.09},
	{name: "epicrealism_newEra", kin: epic, drift: 0.10},
	{name: "sxd_10Pruned", drift: 0.17},
	{name: "dreamshaper_5PrunedNoVaeTrain", kin: shaper, drift: 0.10, noVAE: true},
	{name: "dreamshaper_6NoVae", kin: shaper, drift: 0.11, noVAE: true},
	{name: "anylora_v1", drift: 0.15, decoy: true},
	{name: "ghostmix_v12", drift: 0.16, decoy: true},
}

// shares returns how a model's training splits into what all models of the
// family learned, what its kin learned, and what it learned alone. The squares
// of the three sum to 1, so kin correlate at 0.25 + 0.49 and others at 0.25.
func (c character) shares() (all, kin, own float32) {
	if c.kin == alone {
		return 0.5, 0, 0.8660254
	}
	return 0.5, 0.7, 0.5099020
}
