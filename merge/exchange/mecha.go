package exchange

import (
	"fmt"
	"strconv"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

const mechaVersion = "version 0.1.0"

// mechaConfig returns what sd-mecha calls models of an architecture, and their
// block lists.
func mechaConfig(arch block.Arch) (model, blocks string, ok bool) {
	switch arch {
	case block.SD1:
		return "sd1-ldm", "sd1-supermerger_blocks", true
	case block.SDXL:
		return "sdxl-sgm", "sdxl-supermerger_blocks", true
	case block.Flux: // without blocks: keys have their ratios
		return "flux_dev-flux", "", true
	case "sd3-24":
		return "sd3-comfyui", "", true
	}
	return "", "", false
}

// mechaArch returns the architecture of sd-mecha's models called config, or
// something that begins so.
func mechaArch(config string) (block.Arch, bool) {
	for _, arch := range []block.Arch{block.SD1, block.SDXL, block.Flux, "sd3-24"} {
		if model, _, ok := mechaConfig(arch); ok && strings.HasPrefix(config, model) {
			return arch, true
		}
	}
	return "", false
}

// A mecha writes sd-mecha's text: an instruction a line, which later ones call
// &0, &1 and so on. No line may be empty, nor the last one end.
type mecha struct {
	lines  []string
	next   int
	config string
}

func (m *mecha) add(format string, args ...any) string {
	m.lines = append(m.lines, fmt.Sprintf(format, args...))
	m.next++
	return fmt.Sprintf("&%d", m.next-1)
}

// writeMecha writes each ratio for each key, so that the block rules of
// sd-mecha, which has time_embed in BASE, do not enter. Keys without a block
// have the ratio 0, which keeps those of model A.
//
// Remarks name the models and steps, for [Import].
func writeMecha(e *exporter) ([]byte, error) {
	config, _, ok := mechaConfig(e.Layout.Arch())
	if !ok {
		return nil, cannot("sd-mecha has no list of the keys of %s", e.Layout.Arch())
	}
	m := &mecha{lines: []string{mechaVersion, "# made by mixmatch for " + e.Layout.String()}, config: config}
	e.note("sd-mecha reads files by these names in its model folders; it copies no keys that model A lacks")
	refs := map[string]string{}
	for _, name := range e.Sources() {
		file := e.file(name)
		if strings.ContainsAny(file, "=\n\r") {
			return nil, cannot("sd-mecha cannot read the file name %q", file)
		}
		m.lines = append(m.lines, "# name "+strconv.Quote(name))
		refs[name] = m.add("model %s model_config=%q merge_space=\"weight\"", mechaString(file), config)
	}
	keys, err := e.opt.keys(e.Layout)
	if err != nil {
		return nil, err
	}
	rows := map[string]string{} // vector -> reference
	row := func(r recipe.Row) string {
		v := recipe.Vector(r)
		if ref, ok := rows[v]; ok {
			return ref
		}
		ref := m.add("dict %s", strings.Join(mechaDict(e.Layout, keys, r), " "))
		rows[v] = m.add("literal %s model_config=%q merge_space=\"param\"", ref, config)
		return rows[v]
	}
	deltas := map[[2]string]string{}
	delta := func(b, c string) string {
		k := [2]string{b, c}
		if _, ok := deltas[k]; !ok {
			deltas[k] = m.add("merge \"subtract\" %s %s", b, c)
		}
		return deltas[k]
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		a, b, c := refs[s.A], refs[s.B], refs[s.C]
		alpha, beta := row(s.Alpha), ""
		if s.Mode.HasBeta() {
			beta = row(s.Beta)
		}
		var last string
		switch s.Mode {
		case recipe.WeightSum:
			last = fmt.Sprintf("merge \"weighted_sum\" %s %s alpha=%s", a, b, alpha)
		case recipe.AddDifference:
			last = fmt.Sprintf("merge \"add_difference\" %s %s alpha=%s", a, delta(b, c), alpha)
		case recipe.TripleSum: // A + (B - A) x alpha + (C - A) x beta
			first, second := delta(b, a), delta(c, a)
			inner := m.add("merge \"add_difference\" %s %s alpha=%s", a, first, alpha)
			last = fmt.Sprintf("merge \"add_difference\" %s %s alpha=%s", inner, second, beta)
		case recipe.SumTwice:
			inner := m.add("merge \"weighted_sum\" %s %s alpha=%s", a, b, alpha)
			last = fmt.Sprintf("merge \"weighted_sum\" %s %s alpha=%s", inner, c, beta)
		}
		m.lines = append(m.lines, "# name "+strconv.Quote(s.Out))
		refs[s.Out] = m.add("%s", last)
	}
	return []byte(strings.Join(m.lines, "\n")), nil
}

// mechaString quotes as sd-mecha does: a backslash stands before the sign that
// is meant as it is.
func mechaString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// mechaDict writes the ratio of each key.
func mechaDict(l *block.Layout, keys []string, row recipe.Row) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		v := 0.0
		if id, ok := l.Of(k); ok {
			v = row[id].Value
		}
		list[i] = k + "=" + float(v)
	}
	return list
}
