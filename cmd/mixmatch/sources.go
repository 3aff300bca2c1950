package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/studies"
)

// gatherSources opens the sources of studies of the targets. Those in lists take part if
// they go with all; LoRAs only if there is nothing else in their list. What is taken
// already is none of them. A model in a list that is called as another is gets a name of its
// own, unless the recipe, if one is given, has the name of both. The names of those in
// lists are returned, too.
func gatherSources(c *cli.Context, open *givens, args []string, targets, taken []*studies.Given, recipe string) (sources []*studies.Given, inLists []string, err error) {
	all, err := choices(c, args)
	if err != nil {
		return nil, nil, err
	}
	var passed []string
	all = slices.DeleteFunc(all, func(ch choice) bool {
		if ch.list == "" {
			return false
		}
		same := func(g *studies.Given) bool {
			return slices.ContainsFunc(g.Files(), func(p string) bool { return merge.SameFile(p, ch.arg) })
		}
		isTarget := slices.ContainsFunc(targets, same)
		if isTarget {
			passed = append(passed, ch.arg+": that is the target")
		}
		return isTarget || slices.ContainsFunc(taken, same)
	})
	found, more, err := gather(all, open.source, func(_ []gathered[*studies.Given], g *studies.Given) error { return goesWith(targets, g) })
	if err != nil {
		return nil, nil, err
	}
	found, prints := withoutFingerprints(found)
	found, loras := withoutLoRAs(found)
	found, same, err := withoutCopies(c, found, targets, taken)
	if err != nil {
		closeAll(models(found))
		return nil, nil, err
	}
	passed = slices.Concat(passed, more, prints, loras, same)
	if len(found) == 0 {
		return nil, nil, nothingLeft(c, "none of the files can be a source", passed)
	}
	sources = models(found)
	if err := tellApart(c, found, taken, recipe); err != nil {
		closeAll(sources)
		return nil, nil, err
	}
	sayPassed(c, passed)
	for _, g := range found {
		if g.list != "" {
			inLists = append(inLists, g.model.Name)
		}
	}
	return sources, inLists, nil
}

// goesWith returns an error unless g can be a source of all targets.
func goesWith(targets []*studies.Given, g *studies.Given) error {
	for _, t := range targets {
		if err := g.GoesWith(t); err != nil {
			return err
		}
	}
	return nil
}

// withoutLoRAs leaves out the LoRAs of lists that have models, too, and says so.
func withoutLoRAs(found []gathered[*studies.Given]) (rest []gathered[*studies.Given], passed []string) {
	mixed := map[string]bool{}
	for _, g := range found {
		if !g.model.Difference {
			mixed[g.list] = true
		}
	}
	for _, g := range found {
		if g.list != "" && g.model.Difference && mixed[g.list] {
			passed = append(passed, g.model.Path+": a LoRA among models; name it itself to have it tried")
			g.model.Close()
			continue
		}
		rest = append(rest, g)
	}
	return rest, passed
}

// withoutCopies leaves out what is in lists and has the content of a target, or of a
// model before it, whatever kind of file it is: the closest mix would be that, or could
// not tell the two apart. A look here and there tells most files apart, and reading them
// the rest.
func withoutCopies(c *cli.Context, found []gathered[*studies.Given], targets, taken []*studies.Given) (rest []gathered[*studies.Given], passed []string, err error) {
	seen := copies{c: c, alike: map[string][]kept{}}
	for i, g := range slices.Concat(taken, targets) {
		name := whence(g)
		if i >= len(taken) {
			name = "the target"
		}
		if err := seen.add(g, name); err != nil {
			return found, nil, err
		}
	}
	named := slices.Clone(taken)
	for _, g := range found {
		if g.list == "" {
			named = append(named, g.model)
			if err := seen.add(g.model, whence(g.model)); err != nil {
				return found, nil, err
			}
		}
	}
	for _, g := range found {
		if g.list == "" {
			rest = append(rest, g)
			continue
		}
		of, err := seen.find(g.model)
		if err != nil {
			return found, nil, err
		}
		ok := of != ""
		if !ok {
			of, ok = fileBehind(g.model, targets, named)
		}
		if ok {
			passed = append(passed, fmt.Sprintf("%s: a copy of %s", g.model.Path, of))
			g.model.Close()
			continue
		}
		if err := seen.add(g.model, whence(g.model)); err != nil {
			return found, nil, err
		}
		rest = append(rest, g)
	}
	return rest, passed, nil
}

// tellApart gives models of lists other names that are called as one before them, or
// as one that is named: with the folder behind it or, if that is no other, a number.
func tellApart(c *cli.Context, found []gathered[*studies.Given], taken []*studies.Given, recipe string) error {
	paths := map[string]string{} // of each name
	for _, t := range taken {
		paths[t.Name] = whence(t)
	}
	for _, g := range found {
		if g.list == "" {
			paths[g.model.Name] = whence(g.model)
		}
	}
	for _, g := range found {
		m, path := g.model, g.model.Path
		if g.list == "" {
			continue
		}
		other, twice := paths[m.Name]
		if twice && strings.Contains(recipe, m.Name) {
			return usage("%s: %s and %s are both called %s, which is in the recipe: name one of them with --source NAME=PATH", c.Command.Name, other, path, m.Name)
		}
		if twice {
			was, folder := m.Name, filepath.Base(filepath.Dir(path))
			name := was + "-" + folder
			for n := 2; paths[name] != ""; n++ {
				name = fmt.Sprintf("%s-%s-%d", was, folder, n)
			}
			m.Rename(name)
			note(c, fmt.Sprintf("%s is called %s here, since %s is called %s", path, m.Name, other, was))
		}
		paths[m.Name] = path
	}
	return nil
}
