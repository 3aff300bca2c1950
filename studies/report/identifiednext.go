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
	Library      string            // that they are in, if they are
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
	study, target := Quote(r.Target+"-study"), files.Target
	p.f("  mixmatch optimize %s --target %s", study, Quote(modelFile(target, r.Target)))
	if r.Base != "" {
		p.f(" \\\n      --base %s", Quote(modelFile(files.Base, r.Base)))
	}
	for _, s := range some {
		p.f(" \\\n      --source %s", Quote(modelFile(files.Sources[s.Content], s.Name)))
	}
	p.f("\n")
	if files.Library == "" || len(fetch) == 0 {
		return p.err
	}
	p.f("  or at once, from fingerprints:\n")
	p.f("  mixmatch optimize %s --target %s --library %s", study, Quote(target), Quote(files.Library))
	if r.Base != "" {
		p.f(" \\\n      --base %s", Quote(files.Base))
	}
	for _, s := range some {
		p.f(" \\\n      --source %s", Quote(record(s)))
	}
	p.f("\n")
	return p.err
}

// record returns how a model of a library is named: by the beginning of its content
// where its name would have to be quoted, or others have it, too.
func record(s identify.Source) string {
	name := s.Name
	if strings.ContainsAny(name, "#=") || Quote(name) != name {
		name = s.Content[:min(12, len(s.Content))]
	}
	return "lib:" + name
}

// modelFile returns the path of a model, or what it may be called once it is there.
func modelFile(path, name string) string {
	if path == "" || strings.HasPrefix(path, "lib:") || strings.EqualFold(filepath.Ext(path), fingerprint.Extension) {
		return name + ".safetensors"
	}
	return path
}
