package exchange

import (
	"strings"

	"mixmatch/merge/recipe"
)

// An xyzPreset is an entry of SuperMerger's xyzpresets.json, by the labels of
// its lists.
type xyzPreset struct {
	XType   string `json:"xtype"`
	XValues string `json:"xvalues"`
	YType   string `json:"ytype"`
	YValues string `json:"yvalues"`
	ZType   string `json:"ztype"`
	ZValues string `json:"zvalues"`
}

// writeXYZ writes a preset of the XYZ plot for each step. Under "mbw alpha and
// beta" two lines are a pair, and under "alpha and beta" two numbers.
func writeXYZ(e *exporter) ([]byte, error) {
	e.superMerger()
	e.note("XYZ presets hold ratios only, no models and no modes")
	presets := map[string]xyzPreset{}
	used := map[string]bool{}
	for i := range e.Steps {
		s := &e.Steps[i]
		p := xyzPreset{YType: "none", ZType: "none"}
		alpha, beta, ok := sliders(s)
		switch {
		case ok && s.Mode.HasBeta():
			p.XType, p.XValues = "alpha and beta", decimal(alpha)+" "+decimal(beta)
		case ok:
			p.XType, p.XValues = "alpha", decimal(alpha)
		case s.Mode.HasBeta():
			p.XType = "mbw alpha and beta"
			p.XValues = strings.Join([]string{recipe.Vector(s.Alpha), recipe.Vector(s.Beta)}, "\n")
		default:
			p.XType, p.XValues = "mbw alpha", recipe.Vector(s.Alpha)
		}
		presets[presetName(s.Out, used)] = p
	}
	return marshal(presets)
}
