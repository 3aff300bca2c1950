package report

import (
	"io"
	"path/filepath"
	"strings"

	"mixmatch/merge/safetext"
	"mixmatch/similarity"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/identify"
)

// IdentifiedFiles are the files of what was identified, as far as they are there.
type IdentifiedFiles struct {
	Target, Base string
	Sources      map[string]string // by content
}

// IdentifiedNext says which models to fetch, and the command that finds the recipe once
// they are there.
func IdentifiedNext(w io.Writer, r *identify.Result, files IdentifiedFiles) error {
	p := &printer{w: w}
	var some, fetch []identify.Source
	for _, s := range r.Sources {
		if s.Evidence != similarity.In || s.Base {
			continue
		}
		some = append(some, s)
		if files.Sources[s.Content] == "" {
			fetch = append(fetch, s)
		}
	}
	if len(some) == 0 {
		return nil
	}
	p.f("\nNext:\n")
	if len(fetch) > 0 {
		p.wrapped("  ", "The recipe needs these models:")
		for _, s := range fetch {
			p.f("    %s\n", safetext.Line(s.Name))
			if s.Page != "" {
				p.f("      %s\n", safetext.Line(s.Page))
			}
			if s.SHA256 != "" {
				p.f("      sha256 %s\n", safetext.Line(s.SHA256))
			}
		}
	}
	p.f("  mixmatch optimize %s --target %s", Quote(r.Target+"-study"), Quote(modelFile(files.Target, r.Target)))
	if r.Base != "" {
		p.f(" \\\n      --base %s", Quote(modelFile(files.Base, r.Base)))
	}
	for _, s := range some {
		p.f(" \\\n      --source %s", Quote(modelFile(files.Sources[s.Content], s.Name)))
	}
	p.f("\n")
	return p.err
}

// modelFile returns the path of a model, or what it may be called once it is there.
func modelFile(path, name string) string {
	if path == "" || strings.EqualFold(filepath.Ext(path), fingerprint.Extension) {
		return name + ".safetensors"
	}
	return path
}
