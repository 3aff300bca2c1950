package main

import (
	"fmt"
	"io"
	"strings"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/difference"
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
