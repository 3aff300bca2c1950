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
	targets, err := openTargets(c)
	if err != nil {
		return nil, nil, err
	}
	defer closeAll(targets)
	var base *merge.Model
	var taken []*merge.Model
	if c.String("base") != "" {
		if base, err = openSingle(c, "base", c.String("base")); err != nil {
			return nil, nil, err
		}
		defer base.Close()
		taken = append(taken, base)
	}
	sources, inLists, err := gatherSources(c, paths, targets, taken, plan.Template)
	if err != nil {
		return nil, nil, err
	}
	defer func() { closeAll(sources) }()
	if base != nil {
		// The base may be named as a source as well.
		sources = slices.DeleteFunc(sources, func(m *merge.Model) bool {
			same := m.Name == base.Name && merge.SameFile(m.File.Path(), base.File.Path())
			if same {
				m.Close()
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
func openTargets(c *cli.Context) ([]*merge.Model, error) {
	var all []*merge.Model
	args := c.StringSlice("target")
	for _, arg := range args {
		m, err := openSingle(c, "target", arg)
		if err == nil && len(args) > 1 {
			err = checkTarget(m, all)
			if err != nil {
				m.Close()
			}
		}
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// checkTarget returns an error unless target m can have a study beside the others.
func checkTarget(m *merge.Model, others []*merge.Model) error {
	if filepath.Base(m.Name) != m.Name || !filepath.IsLocal(m.Name) || strings.ContainsAny(m.Name, `\/:*?"<>|`) {
		return usage("optimize: %q cannot be the name of a folder: say --target NAME=%s", m.Name, m.File.Path())
	}
	for _, o := range others {
		if merge.SameFile(o.File.Path(), m.File.Path()) {
			return usage("optimize: %s and %s are one target", o.File.Path(), m.File.Path())
		}
		if strings.EqualFold(o.Name, m.Name) {
			return usage("optimize: two targets are called %s; rename one with --target NAME=PATH", m.Name)
		}
	}
	return nil
}

// openAgain opens models anew, in place of those given.
func openAgain(all []*merge.Model) ([]*merge.Model, error) {
	var again []*merge.Model
	for _, m := range all {
		o, err := merge.OpenSource(m.Name, m.File.Path())
		if err != nil {
			closeAll(again)
			return all, err
		}
		again = append(again, o)
	}
	closeAll(all)
	return again, nil
}
