package main

import (
	"fmt"
	"io"
	"strings"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/difference"
	"mixmatch/merge/safetext"
)

// An inspectedLoRA is what there is to know of a file that is a change to models.
type inspectedLoRA struct {
	Problem string   `json:"problem,omitempty"` // why it is not read
	Notes   []string `json:"notes,omitempty"`
	*difference.Description
}

// inspectLoRA reads the header of f, and its alphas, or returns nil if it is no
// LoRA or its like. F stays open.
func inspectLoRA(f *checkpoint.File) *inspectedLoRA {
	if !difference.Is(f) {
		return nil
	}
	l, err := difference.Read(f)
	if err != nil {
		return &inspectedLoRA{Problem: strings.TrimPrefix(err.Error(), f.Path()+": ")}
	}
	d := l.Describe()
	return &inspectedLoRA{Notes: l.Notes(), Description: &d}
}

// addedTo is what "missing" calls the recipe beside what it found.
const addedTo = "mixmatch.recipe"

// takeAddedTo takes the recipe that a LoRA or a difference was added to out of what
// tells of a merge, since none made the file.
func (in *inspection) takeAddedTo() {
	in.AddedTo = in.Recipe[addedTo]
	delete(in.Recipe, addedTo)
}

// printAddedTo prints that recipe, a step a line.
func (in *inspection) printAddedTo(w io.Writer) {
	if in.AddedTo == "" {
		return
	}
	what := "difference"
	if in.LoRA != nil {
		what = "LoRA"
	}
	fmt.Fprintf(w, "A %s found by mixmatch, to be added to:\n\n", what)
	for line := range strings.Lines(in.AddedTo) {
		fmt.Fprintln(w, safetext.Line(strings.TrimRight(line, "\n")))
	}
	fmt.Fprintln(w)
}

// String says in a few words what it is.
func (l *inspectedLoRA) String() string {
	switch {
	case l.Problem != "":
		return "a LoRA that cannot be read: " + l.Problem
	case l.Arch == "":
		return "a LoRA, which is a change to models"
	}
	return "a LoRA, which is a change to models, for " + string(l.Arch)
}

// print prints all else, in two columns.
func (l *inspectedLoRA) print(w io.Writer) {
	if l.Description != nil {
		for _, p := range []struct {
			name string
			list []difference.Count
		}{{"modules", l.Networks}, {"kinds", l.Kinds}, {"ranks", l.Ranks}, {"alpha/rank", l.Scales}, {"names of", l.Layout}} {
			if len(p.list) > 0 {
				fmt.Fprintf(w, "%s\t%s\n", p.name, difference.List(p.list))
			}
		}
	}
	for _, n := range l.Notes {
		fmt.Fprintf(w, "note\t%s\n", show(n))
	}
}
