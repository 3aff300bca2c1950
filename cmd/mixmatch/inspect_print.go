package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/safetext"
)

func (in *inspection) print(w io.Writer) error {
	in.printAddedTo(w)
	if in.Made != nil {
		fmt.Fprintf(w, "The file tells of a merge.\n")
		in.Made.print(w)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(in.Recipe) > 0 {
		for _, k := range sorted(in.Recipe) {
			fmt.Fprintf(tw, "  %s: %s\n", show(k), show(in.Recipe[k]))
		}
		fmt.Fprintln(tw)
	}
	kind := in.Kind
	switch {
	case in.LoRA != nil:
		kind = in.LoRA.String()
	case kind == "":
		kind = "no model to merge: " + strings.TrimPrefix(in.Problem, block.ErrModel.Error()+": ")
	}
	fmt.Fprintf(tw, "%s\t%s\n", show(in.Path), show(kind))
	fmt.Fprintf(tw, "container\t%s\n", show(in.Container))
	for _, d := range in.Dialects {
		fmt.Fprintf(tw, "dialect\t%s\n", show(named(d)))
	}
	fmt.Fprintf(tw, "size\t%.1f MB, %d tensors, %.1f M parameters\n", float64(in.Size)/1e6, in.Tensors, float64(in.Parameters)/1e6)
	for _, p := range in.Parts {
		var types []string
		for _, d := range sorted(p.DTypes) {
			types = append(types, fmt.Sprintf("%s x %d", d, p.DTypes[d]))
		}
		fmt.Fprintf(tw, "%s\t%d tensors, %.1f M parameters, %s\n", p.Part, p.Tensors, float64(p.Parameters)/1e6, strings.Join(types, ", "))
	}
	if in.LoRA != nil {
		in.LoRA.print(tw)
	}
	if in.PositionIDs != "" {
		fmt.Fprintf(tw, "position ids\t%s\n", in.PositionIDs)
	}
	if in.Hash != nil {
		fmt.Fprintf(tw, "sha256\t%s\nAutoV1\t%s\nAutoV2\t%s\n", in.Hash.SHA256, in.Hash.Legacy, in.Hash.Short())
		if in.Hash.Content != "" {
			fmt.Fprintf(tw, "AutoV3\t%s\n", in.Hash.Content[:12])
		}
	}
	for _, n := range in.Notes {
		fmt.Fprintf(tw, "note\t%s\n", show(n))
	}
	for _, k := range sorted(in.Metadata) {
		if _, told := in.Recipe[k]; !told && k != addedTo {
			fmt.Fprintf(tw, "%s\t%s\n", show(k), show(in.Metadata[k]))
		}
	}
	for _, name := range sorted(in.Blocks) {
		fmt.Fprintf(tw, "%s\n", name)
		for _, key := range in.Blocks[name] {
			fmt.Fprintf(tw, "  %s\n", show(key))
		}
	}
	return tw.Flush()
}

// named says in words how a part's tensors are named.
func named(d checkpoint.Dialect) string {
	where := "without a prefix"
	if d.Prefix != "" {
		where = fmt.Sprintf("behind %q", d.Prefix)
	}
	return fmt.Sprintf("%s: %s names %s", d.Part, d.Names, where)
}

func (m *made) print(w io.Writer) {
	if m.Problem != "" {
		fmt.Fprintf(w, "It cannot be read as a recipe: %s\n\n", show(m.Problem))
		return
	}
	fmt.Fprintf(w, "Block map: %s\n\n", m.Era)
	for line := range strings.Lines(m.Notation) {
		fmt.Fprintln(w, safetext.Line(strings.TrimRight(line, "\n")))
	}
	for _, n := range m.Notes {
		fmt.Fprintf(w, "# %s\n", safetext.Line(n))
	}
	fmt.Fprintln(w)
}

// show makes text from a file fit to be shown, and not endless.
func show(s string) string { return safetext.Short(s, 2000) }

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
