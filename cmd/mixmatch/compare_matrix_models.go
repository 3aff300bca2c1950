package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/similarity/library/postgres"
)

// mostMembers is how many models are compared at once: with a thousand fingerprints
// that is half a gigabyte.
const mostMembers = 1000

// A member is a model to compare: one that is open, or a fingerprint.
type member struct {
	name, path string
	list       string // that it is from, "" if it is named itself
	file       *merge.Model
	print      *fingerprint.Fingerprint
}

func (m *member) Close() error {
	if m.file == nil {
		return nil
	}
	return m.file.Close()
}

// members are all models to compare, and the base if there is one.
type members struct {
	all  []*member
	base *member
}

func (m *members) close() {
	closeAll(m.all)
	if m.base != nil {
		m.base.Close()
	}
}

// openMember opens a model or a fingerprint given as [NAME=]PATH.
func openMember(c *cli.Context, arg string) (*member, error) {
	name, path := nameAndPath(arg)
	is, err := isFingerprint(path)
	if err != nil {
		return nil, err
	}
	if !is && filepath.Ext(path) != fingerprint.Extension {
		m, err := openModel(c, arg)
		if err != nil {
			return nil, err
		}
		return &member{name: m.Name, path: m.File.Path(), file: m}, nil
	}
	f, err := readFingerprint(path)
	if err != nil {
		return nil, absent("", err)
	}
	if f.Difference {
		return nil, fmt.Errorf("%s: %w: it is the fingerprint of a LoRA, and models are compared", path, merge.ErrMismatch)
	}
	m := &member{name: f.Name, path: path, print: f}
	if name != "" {
		m.name = name
	}
	if m.name == "" {
		m.name = nameOf(path)
	}
	return m, nil
}

// goesBeside returns an error unless m can be compared with the first.
func goesBeside(found []gathered[*member], m *member) error {
	if len(found) == 0 {
		return nil
	}
	first := found[0].model
	if a, b := first.arch(), m.arch(); a != b {
		return fmt.Errorf("%w: %s is %s, %s is %s", merge.ErrMismatch, first.name, a, m.name, b)
	}
	if first.file == nil || m.file == nil {
		return nil
	}
	pair, err := merge.Comparable([]*merge.Model{first.file, m.file})
	if err == nil {
		_, err = merge.NewPool(pair)
	}
	return err
}

func (m *member) arch() block.Arch {
	if m.print != nil {
		return m.print.Arch
	}
	return m.file.Kind.Arch
}

// gatherMembers opens the models that args name, those of libraries too, each once,
// and the base.
func gatherMembers(c *cli.Context, args []string) (*members, error) {
	var libraries, others []string
	for _, arg := range args {
		if isLibrary(arg) {
			libraries = append(libraries, arg)
		} else {
			others = append(others, arg)
		}
	}
	all, err := choices(c, others)
	if err != nil {
		return nil, err
	}
	var base string
	if c.IsSet("base") {
		if base, err = single(c, "base", c.String("base")); err != nil {
			return nil, err
		}
	}
	all = withoutTwice(c, all, base)
	if len(all) > mostMembers {
		return nil, tooMany(len(all))
	}
	found, passed, err := gather(all, func(arg string) (*member, error) { return openMember(c, arg) }, goesBeside)
	if err != nil {
		return nil, err
	}
	m := &members{all: models(found)}
	for i, g := range found {
		m.all[i].list = g.list
	}
	for _, path := range libraries {
		more, err := fromLibrary(c, path, m.all)
		if err != nil {
			m.close()
			return nil, err
		}
		m.all = append(m.all, more...)
	}
	if len(m.all) < 2 {
		m.close()
		if passed == nil {
			return nil, usage("compare: --matrix: name two models or more, or a folder of some")
		}
		return nil, nothingLeft(c, "there are no two models to compare", passed)
	}
	sayPassed(c, passed)
	if base != "" {
		if m.base, err = openMember(c, base); err != nil {
			m.close()
			return nil, absent("--base ", err)
		}
	}
	m.nameApart(c)
	return m, nil
}

// isLibrary reports whether an argument names a library.
func isLibrary(arg string) bool { return postgres.Is(arg) || library.IsFolder(arg) }

func tooMany(n int) error {
	return usage("compare: --matrix takes up to %d models, not %d: name some of them, or see what is near one of them with library near", mostMembers, n)
}

// withoutTwice leaves out what is named twice, and the base.
func withoutTwice(c *cli.Context, all []choice, base string) []choice {
	_, basePath := nameAndPath(base)
	var taken []string
	return slices.DeleteFunc(all, func(ch choice) bool {
		_, path := nameAndPath(ch.arg)
		if base != "" && merge.SameFile(path, basePath) {
			note(c, fmt.Sprintf("%s is the base; it takes no part", path))
			return true
		}
		twice := slices.ContainsFunc(taken, func(p string) bool { return merge.SameFile(p, path) })
		if taken = append(taken, path); twice {
			note(c, fmt.Sprintf("%s is named twice, and compared once", path))
		}
		return twice
	})
}

// fromLibrary returns the models of a library that go with those there are, or with its
// own first.
func fromLibrary(c *cli.Context, path string, before []*member) (all []*member, err error) {
	lib, err := openLibrary(c, path, false)
	if err != nil {
		return nil, err
	}
	defer lib.Close()
	var arch block.Arch
	if len(before) > 0 {
		arch = before[0].arch()
	}
	var contents []string
	others := 0
	err = lib.Entries(c.Context, func(e *library.Entry) error {
		if arch == "" && !e.Difference {
			arch = e.Arch
		}
		if e.Arch != arch || e.Difference {
			others++
			return nil
		}
		contents = append(contents, e.Content)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n := len(before) + len(contents); n > mostMembers {
		return nil, tooMany(n)
	}
	if others > 0 {
		note(c, fmt.Sprintf("%d records of %s take no part: LoRAs, or models of another architecture than %s", others, path, arch))
	}
	byContent := map[string]*member{}
	err = lib.Load(c.Context, contents, func(f *fingerprint.Fingerprint) error {
		byContent[f.Content] = &member{name: f.Name, print: f}
		return nil
	})
	for _, content := range contents { // Load has an order of its own
		if m := byContent[content]; m != nil {
			all = append(all, m)
		}
	}
	return all, err
}

// nameApart gives models other names that are called as one before them.
func (m *members) nameApart(c *cli.Context) {
	taken := map[string]bool{}
	for _, x := range m.all {
		was := x.name
		for n := 2; taken[x.name]; n++ {
			x.name = fmt.Sprintf("%s-%d", was, n)
		}
		if taken[x.name] = true; x.name != was {
			note(c, fmt.Sprintf("another model is called %s; that of %s is called %s here", was, x.where(), x.name))
		}
	}
}

func (m *member) where() string {
	if m.path == "" {
		return "the library"
	}
	return m.path
}
