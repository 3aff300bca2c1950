package exchange

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

const presetHeader = "preset_name\tpreset_weights"

// presetName makes a name that can be typed into SuperMerger's box for weights
// in place of a vector: a comma there means numbers, a capital E a random
// element, R, U and X random numbers, and the file has a tab or colon behind
// the name. So it is in small letters, and has none of those.
func presetName(name string, used map[string]bool) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == ',' || r == ':' || r == '"' || r < ' ':
			return '-'
		}
		return r
	}, strings.TrimSpace(strings.ToLower(name)))
	name = strings.ReplaceAll(name, "E", "e")
	if strings.Trim(name, "0123456789.-+ru xd") == "" {
		name = "mix-" + name
	}
	for i, first := 2, name; used[name]; i++ {
		name = fmt.Sprintf("%s-%d", first, i)
	}
	used[name] = true
	return name
}

// writePresets writes a line for each vector, with the 26 numbers that the list
// of presets wants, whatever the architecture.
func writePresets(e *exporter) ([]byte, error) {
	e.superMerger()
	e.note("presets hold vectors only, no models and no modes: they belong to the steps in this order")
	var b strings.Builder
	b.WriteString(presetHeader + "\n")
	used := map[string]bool{"preset_name": true}
	line := func(name string, row recipe.Row) {
		fmt.Fprintf(&b, "%s\t%s\n", presetName(name, used), vector26(e.Layout, row))
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		line(s.Out, s.Alpha)
		if s.Mode.HasBeta() {
			line(s.Out+"-beta", s.Beta)
		}
	}
	return []byte(b.String()), nil
}

// A Preset is an alpha vector that has a name.
type Preset struct {
	Name string
	Row  recipe.Row
}

// Presets reads SuperMerger's mbwpresets.txt. Lines that hold no vector for l
// are notes, as are those with random numbers (R, U, X).
func Presets(text []byte, l *block.Layout) ([]Preset, []string) {
	im := &importer{given: l}
	var list []Preset
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "preset_name") {
			continue
		}
		name, vector, ok := cutPreset(line)
		if !ok {
			im.note("line %d is no preset", n)
			continue
		}
		row, err := im.row(vector)
		if err == nil && !strings.Contains(vector, ",") {
			err = fmt.Errorf("one number is no vector")
		}
		if err != nil {
			im.note("line %d: preset %q: %v", n, name, err)
			continue
		}
		list = append(list, Preset{name, row})
	}
	return list, im.notes
}

// cutPreset splits a line at its first tab or, if it has none, its first colon.
func cutPreset(line string) (name, vector string, ok bool) {
	name, vector, ok = strings.Cut(line, "\t")
	if !ok {
		name, vector, ok = strings.Cut(line, ":")
	}
	return strings.TrimSpace(name), strings.TrimSpace(vector), ok
}

// isPreset reports whether a line looks like one of a presets file.
func isPreset(line string) bool {
	name, vector, ok := cutPreset(line)
	return line == presetHeader || ok && name != "" && strings.Count(vector, ",") >= 19 && strings.Trim(vector, "0123456789.,- eERUX+") == ""
}

// readPresets tells where the vectors of a presets file belong, since it is no
// recipe.
func readPresets(im *importer, text []byte) ([]recipe.Step, error) {
	list, notes := Presets(text, im.layout())
	im.notes = append(im.notes, notes...)
	if len(list) == 0 {
		return nil, fmt.Errorf("no line of it is a preset with a vector of %d", im.layout().Len())
	}
	// Stand-ins, so that the vectors can be looked at and copied.
	im.note("a preset has no models: each is read as a Weight sum of A and B")
	var steps []recipe.Step
	used := map[string]bool{"A": true, "B": true}
	for _, p := range list {
		name := p.Name
		for used[name] || name == "" {
			name += "'"
		}
		used[name] = true
		steps = append(steps, recipe.Step{Mode: recipe.WeightSum, A: "A", B: "B", Alpha: p.Row, Out: name})
	}
	return steps, nil
}
