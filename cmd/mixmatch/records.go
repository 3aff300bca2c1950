package main

import (
	"slices"
	"strings"
	"unicode"

	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/studies"
)

// recordPrefix is how people name a model of the library that --library says.
const recordPrefix = "lib:"

// isRecord reports whether path names a model of a library, and no file.
func isRecord(path string) bool { return strings.HasPrefix(path, recordPrefix) && !exists(path) }

// whence says where what is given is from.
func whence(g *studies.Given) string {
	if g.Path == "" {
		return recordPrefix + g.Name
	}
	return g.Path
}

// record returns the record of the library that arg names, nil if it names something else.
func (s *givens) record(arg string) *studies.Given {
	name, path := nameAndPath(arg)
	g := s.records[path]
	if g == nil || !isRecord(path) {
		return nil
	}
	own := *g
	if name != "" {
		own.Name = name
	}
	return &own
}

// load reads the records of the library that args name, each once.
func (s *givens) load(args []string) error {
	var paths, models, names []string
	for _, arg := range args {
		name, path := nameAndPath(arg)
		if library.IsFolder(path) {
			return usage("optimize: %s is a library: name models of it, as --library %[1]s --source lib:NAME", path)
		}
		if isRecord(path) {
			paths, models, names = append(paths, path), append(models, strings.TrimPrefix(path, recordPrefix)), append(names, name)
		}
	}
	where := s.c.String("library")
	switch {
	case len(paths) == 0 && where == "":
		return nil
	case len(paths) == 0:
		return usage("optimize: --library %s: name models of it, as --source lib:NAME", where)
	case where == "":
		return usage("optimize: %s is a model of a library: say of which with --library LIB", paths[0])
	}
	l, err := openLibrary(s.c, where, false)
	if err != nil {
		return err
	}
	defer l.Close()
	found, err := findModels(s.c, l, where, models)
	if err != nil {
		return err
	}
	var contents []string
	for _, e := range found {
		contents = append(contents, e.Content)
	}
	byContent := map[string]*fingerprint.Fingerprint{}
	wanted := slices.Clone(contents)
	slices.Sort(wanted)
	err = l.Load(s.c.Context, slices.Compact(wanted), func(f *fingerprint.Fingerprint) error {
		byContent[f.Content] = f
		return nil
	})
	if err != nil {
		return err
	}
	s.records = map[string]*studies.Given{}
	for i, path := range paths {
		f := byContent[contents[i]]
		if names[i] == "" && (strings.TrimSpace(f.Name) == "" || strings.ContainsFunc(f.Name, unicode.IsControl)) {
			return usage("optimize: %s has no name that a recipe can have: give it one, as --source NAME=%[1]s", path)
		}
		s.records[path] = studies.FingerprintOf(f.Name, "", f)
	}
	return nil
}
