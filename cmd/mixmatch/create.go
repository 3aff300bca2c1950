package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/studies"
)

// create opens the models and starts a study of each target: in dir, or in folders of
// it. The models are closed again: a study opens what its plan names. It returns the names
// of the sources that are in lists, too.
func create(c *cli.Context, dir string, paths []string, plan studies.Plan) (all []*studies.Study, inLists []string, err error) {
	open, err := newGivens(c, slices.Concat(c.StringSlice("target"), []string{c.String("base")}, paths))
	if err != nil {
		return nil, nil, err
	}
	targets, err := openTargets(c, open)
	if err != nil {
		return nil, nil, err
	}
	defer closeAll(targets)
	var base *studies.Given
	var taken []*studies.Given
	if c.String("base") != "" {
		if base, err = open.single("base", c.String("base")); err != nil {
			return nil, nil, err
		}
		defer base.Close()
		taken = append(taken, base)
	}
	sources, inLists, err := gatherSources(c, open, paths, targets, taken, plan.Template)
	if err != nil {
		return nil, nil, err
	}
	defer func() { closeAll(sources) }()
	if base != nil {
		// The base may be named as a source as well.
		sources = slices.DeleteFunc(sources, func(g *studies.Given) bool {
			same := g.Name == base.Name && merge.SameFile(g.Path, base.Path)
			if same {
				g.Close()
			}
			return same
		})
	}
	if len(targets) > 1 {
		if f, err := studies.OpenFiles(dir); err == nil {
			return nil, nil, fmt.Errorf("%s: %w: choose another folder for several targets", f.Dir(), studies.ErrExists)
		}
	}
	for i, target := range targets {
		place := dir
		if len(targets) > 1 {
			place = filepath.Join(dir, target.Name)
		}
		if i > 0 { // LoRAs have got the tensors of a pool
			if sources, err = openAgain(sources); err != nil {
				break
			}
		}
		config := studies.Config{Target: target, Sources: sources, Base: base, Plan: plan}
		var s *studies.Study
		if s, err = studies.Create(place, config); err != nil {
			break
		}
		all = append(all, s)
		sayLacks(c, config)
	}
	if err == nil {
		return all, inLists, nil
	}
	for _, s := range all {
		err = errors.Join(err, s.Discard())
	}
	if len(targets) > 1 {
		_ = os.Remove(dir) // unless there is something else in it
	}
	return nil, nil, err
}

// openTargets opens the targets, which must be called differently, by the folders that
// their studies get.
func openTargets(c *cli.Context, open *givens) ([]*studies.Given, error) {
	var all []*studies.Given
	args := c.StringSlice("target")
	for _, arg := range args {
		g, err := open.single("target", arg)
		if err == nil && len(args) > 1 {
			err = checkTarget(g, all)
			if err != nil {
				g.Close()
			}
		}
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// checkTarget returns an error unless target g can have a study beside the others.
func checkTarget(g *studies.Given, others []*studies.Given) error {
	if filepath.Base(g.Name) != g.Name || !filepath.IsLocal(g.Name) || strings.ContainsAny(g.Name, `\/:*?"<>|`) {
		return usage("optimize: %q cannot be the name of a folder: say --target NAME=%s", g.Name, whence(g))
	}
	for _, o := range others {
		if merge.SameFile(o.Path, g.Path) {
			return usage("optimize: %s and %s are one target", o.Path, g.Path)
		}
		if strings.EqualFold(o.Name, g.Name) {
			return usage("optimize: two targets are called %s; rename one with --target NAME=PATH", g.Name)
		}
	}
	return nil
}

// openAgain opens models anew, in place of those given.
func openAgain(all []*studies.Given) ([]*studies.Given, error) {
	var again []*studies.Given
	for _, g := range all {
		if g.Model == nil {
			again = append(again, g)
			continue
		}
		m, err := merge.OpenSource(g.Name, g.Path)
		if err != nil {
			closeAll(again)
			return all, err
		}
		again = append(again, studies.FileOf(m))
	}
	closeAll(all)
	return again, nil
}
