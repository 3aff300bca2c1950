package exchange

import (
	"fmt"
	"strings"

	"mixmatch/merge/block"
	"mixmatch/merge/recipe"
)

// writeMeh writes a script of sd-meh's merge_models.py. It takes BASE apart from
// the 25 others, has time_embed in IN00, and ignores lists of another length.
func writeMeh(e *exporter) ([]byte, error) {
	if e.Layout.Era() != block.SM2023 && !e.alike("IN00", map[block.Era]string{block.SM2025: "OUT11", block.Mecha: "BASE"}[e.Layout.Era()]) {
		e.note("meh has time_embed in IN00, as SuperMerger had up to 2023-07-20: 4 tensors differ from %v", e.Layout)
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Run it where meh's merge_models.py is, with the models beside it.\nset -eu\n")
	made := map[string]bool{}
	model := func(name string) string {
		if made[name] {
			return quoteShell(name + ".safetensors")
		}
		return quoteShell(e.file(name))
	}
	precision := "32"
	if e.opt.Half {
		precision = "16"
	}
	methods := [...]string{"weighted_sum", "add_difference", "triple_sum", "sum_twice"}
	for i := range e.Steps {
		s := &e.Steps[i]
		if strings.ContainsAny(s.Out, "/\\\x00\n") {
			return nil, cannot("the name %q is no file name", s.Out)
		}
		fmt.Fprintf(&b, "python merge_models.py --model_a=%s --model_b=%s", model(s.A), model(s.B))
		if s.Mode.HasC() {
			fmt.Fprintf(&b, " --model_c=%s", model(s.C))
		}
		ratio := func(name string, row recipe.Row) {
			base, rest, _ := strings.Cut(recipe.Vector(row), ",")
			fmt.Fprintf(&b, " --base_%s=%s --weights_%s=%s", name, base, name, rest)
		}
		fmt.Fprintf(&b, " --merging_method=%s", methods[s.Mode])
		ratio("alpha", s.Alpha)
		if s.Mode.HasBeta() {
			ratio("beta", s.Beta)
		}
		fmt.Fprintf(&b, " --precision=%s --output_path=%s --output_format=safetensors\n", precision, quoteShell(s.Out))
		made[s.Out] = true
	}
	return []byte(b.String()), nil
}

// alike reports whether two blocks have the same ratios all through.
func (e *exporter) alike(one, other string) bool {
	a, ok1 := e.Layout.Index(one)
	b, ok2 := e.Layout.Index(other)
	if !ok1 || !ok2 {
		return false
	}
	x, y := e.Column(a), e.Column(b)
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// quoteShell quotes a word for a shell.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
