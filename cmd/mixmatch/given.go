package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/similarity/fingerprint"
	"mixmatch/studies"
)

// A givens opens what studies are begun with: files, fingerprints and records of a library.
type givens struct {
	c       *cli.Context
	records map[string]*studies.Given // by what they are called on the command line
}

// newGivens returns one that has the records of --library that args name.
func newGivens(c *cli.Context, args []string) (*givens, error) {
	g := &givens{c: c}
	return g, g.load(args)
}

// single opens the one model that arg of a flag stands for.
func (s *givens) single(flag, arg string) (*studies.Given, error) {
	if g := s.record(arg); g != nil {
		return g, nil
	}
	arg, err := single(s.c, flag, arg)
	if err != nil {
		return nil, err
	}
	g, err := openFingerprint(arg)
	if g != nil || err != nil {
		return g, absent("--"+flag+" ", err)
	}
	m, err := openSingle(s.c, flag, arg)
	if err != nil {
		return nil, err
	}
	return studies.FileOf(m), nil
}

// source opens a source, which may be a LoRA.
func (s *givens) source(arg string) (*studies.Given, error) {
	if g := s.record(arg); g != nil {
		return g, nil
	}
	g, err := openFingerprint(arg)
	if g != nil || err != nil {
		return g, err
	}
	m, err := openSource(s.c, arg)
	if err != nil {
		return nil, err
	}
	return studies.FileOf(m), nil
}

// openFingerprint opens the fingerprint given as PATH or NAME=PATH, nil if the file is
// none.
func openFingerprint(arg string) (*studies.Given, error) {
	name, path := nameAndPath(arg)
	if is, err := isFingerprint(path); err != nil || !is {
		return nil, absent("", err)
	}
	f, err := readFingerprint(path)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = fingerprintName(path)
	}
	return studies.FingerprintOf(name, path, f), nil
}

// fingerprintName returns the name of the model whose fingerprint is at path, as models
// get theirs.
func fingerprintName(path string) string {
	base := filepath.Base(path)
	if bare := base[:len(base)-len(filepath.Ext(base))]; bare != "" && strings.EqualFold(filepath.Ext(base), fingerprint.Extension) {
		return bare
	}
	return nameOf(path)
}

// fileBehind returns a target or a model among those taken that a fingerprint is of, by
// name and size: the content of a file is known only when all of it is read.
func fileBehind(g *studies.Given, targets, taken []*studies.Given) (what string, is bool) {
	if g.Fingerprint == nil {
		return "", false
	}
	for i, o := range slices.Concat(targets, taken) {
		if o.Model == nil || o.Model.File.Size() != g.Fingerprint.Bytes || !strings.EqualFold(o.Name, g.Name) {
			continue
		}
		if i < len(targets) {
			return "the target", true
		}
		return o.Path, true
	}
	return "", false
}

// withoutFingerprints leaves out the fingerprints of lists that have models, too, and says
// so: of a study with one among its models fingerprints are all that is compared.
func withoutFingerprints(found []gathered[*studies.Given]) (rest []gathered[*studies.Given], passed []string) {
	files := map[string]bool{}
	for _, g := range found {
		files[g.list] = files[g.list] || g.model.Fingerprint == nil
	}
	for _, g := range found {
		if g.list != "" && g.model.Fingerprint != nil && files[g.list] {
			passed = append(passed, fmt.Sprintf("%s: a fingerprint among models; name it itself to have it tried", g.model.Path))
			continue
		}
		rest = append(rest, g)
	}
	return rest, passed
}
