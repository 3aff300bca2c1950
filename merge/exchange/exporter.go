package exchange

import (
	"fmt"
	"unicode/utf8"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// An exporter is one call of Export.
type exporter struct {
	*recipe.Recipe
	opt   Options
	notes []string
}

// note adds a note, once.
func (e *exporter) note(format string, args ...any) { e.notes = addNote(e.notes, format, args) }

// checkNames refuses names that text files garble.
func (e *exporter) checkNames() error {
	for i := range e.Steps {
		for _, n := range append(e.Steps[i].Operands(), e.Steps[i].Out, e.Steps[i].LoRA()) {
			if !utf8.ValidString(n) {
				return cannot("the name %q is not UTF-8", n)
			}
		}
	}
	return nil
}

// files refuses models that the reader of a document would take for one, since
// it knows them by their files.
func (e *exporter) files() error {
	of := map[string]string{}
	for _, n := range e.Sources() {
		f := e.file(n)
		if other, ok := of[f]; ok {
			return cannot("%s and %s are both files called %s; rename one", other, n, f)
		}
		of[f] = n
	}
	return nil
}

// fixed refuses a recipe with open ratios.
func (e *exporter) fixed() error {
	for i := range e.Steps {
		s := &e.Steps[i]
		for _, row := range []recipe.Row{s.Alpha, s.Beta} {
			for id, x := range row {
				if x.Hole != recipe.Fixed {
					return cannot("%s has an open ratio in %s; only text and json have those", s.Out, e.Layout.Name(block.ID(id)))
				}
			}
		}
	}
	return nil
}

// plain returns an error if a step of r is more than its ratios: only the
// notation itself holds calculation modes, elemental merges and the like. LoRAs
// are held by what has the notation or names modes.
func plain(r *recipe.Recipe, format string) error {
	for _, s := range r.Steps {
		switch {
		case s.LoRA() != "" && format != "json" && format != "metadata":
			return fmt.Errorf("%w: %s is %s with the LoRA %s; only the formats text, json and metadata hold that", ErrCannot, s.Out, s.A, s.LoRA())
		case s.Calc != "":
			return fmt.Errorf("%w: %s is merged with the calculation mode %s; only the format text holds that", ErrCannot, s.Out, s.Calc)
		case len(s.Elements) > 0 || s.Include != nil || s.Exclude != nil:
			return fmt.Errorf("%w: %s merges elements apart; only the format text holds that", ErrCannot, s.Out)
		}
	}
	return nil
}
