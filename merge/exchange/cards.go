package exchange

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// superMerger notes what SuperMerger, whose documents name no version, may read
// otherwise. The block rules changed; see [block.Era].
func (e *exporter) superMerger() {
	switch e.Layout.Era() {
	case block.SM2023:
		e.note("SuperMerger gives time_embed to IN00 up to 2023-07-20 only, as this recipe means it; later ones give it to OUT11")
	case block.Mecha:
		e.note("time_embed follows OUT11 in SuperMerger (IN00 up to 2023-07-20), and BASE in this recipe: 4 tensors differ")
	case block.Whole:
		e.note("SuperMerger reads the blocks as %s: tensors with %s in their names differ", block.SM2025, e.Layout.EraMark())
	}
}

// customName returns what to write into SuperMerger's "Custom Name" box so that
// the file is called name. With the extension it is taken as it is; without,
// ".fp16" would be added to it if that is ticked (model_util.py:97).
func customName(name string) string { return name + ".safetensors" }

// saveSets are SuperMerger's options for saving.
func (e *exporter) saveSets() []string {
	sets := []string{"save model", "safetensors"}
	if e.opt.Half {
		sets = append(sets, "fp16")
	}
	return sets
}

// writeCards writes a card a step: the settings in the order of SuperMerger's
// tab, and each vector alone in a line, to be copied whole.
func writeCards(e *exporter) ([]byte, error) {
	e.superMerger()
	var b strings.Builder
	b.WriteString("SuperMerger, step by step. Save each step's model: the next ones need it.\n")
	if e.Layout.Arch() != block.SDXL {
		b.WriteString("SuperMerger of 2025-10-07 (c60e6f3) or older; those since 2025-11-27 cannot merge such models.\n")
	}
	field := func(name, value string) { fmt.Fprintf(&b, "  %-22s %s\n", name, value) }
	made := map[string]bool{}
	title := func(name string) string {
		if made[name] {
			return customName(name) + "   (made above)"
		}
		if h := e.short(name); h != "" {
			return e.file(name) + " [" + h + "]"
		}
		return e.file(name)
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		fmt.Fprintf(&b, "\nStep %d of %d: %s\n", i+1, len(e.Steps), s.Out)
		field("Model A", title(s.A))
		field("Model B", title(s.B))
		if s.Mode.HasC() {
			field("Model C", title(s.C))
		}
		field("Merge Mode", formula(s.Mode))
		field("Calculation Mode", "normal")
		alpha, beta, ok := sliders(s)
		if ok {
			field("use MBW", "no")
			field("alpha", decimal(alpha))
			if s.Mode.HasBeta() {
				field("beta", decimal(beta))
			}
		} else {
			field("use MBW", "yes")
		}
		field("Options", strings.Join(e.saveSets(), ", "))
		field("Custom Name", customName(s.Out))
		if !ok {
			fmt.Fprintf(&b, "  Weights for alpha:\n%s\n", recipe.Vector(s.Alpha))
			if s.Mode.HasBeta() {
				fmt.Fprintf(&b, "  Weights for beta:\n%s\n", recipe.Vector(s.Beta))
			}
		}
		made[s.Out] = true
	}
	return []byte(b.String()), nil
}
