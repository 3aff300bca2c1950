package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/shelf"
	"mixmatch/studies"
)

// optimizeFrom starts a study with the models and settings of another, but for what
// the flags say, and takes over what was read for that.
func optimizeFrom(c *cli.Context, dir string, args []string) error {
	old, err := openFiles(c, c.String("from"))
	if err != nil {
		return err
	}
	if err := lookIn(c, old, nil); err != nil {
		return err
	}
	args, moved, err := movedSources(c, old, args)
	if err != nil {
		return err
	}
	targets := c.StringSlice("target")
	if len(targets) > 1 {
		return usage("optimize: give one --target with --from")
	}
	plan := old.Plan()
	if err := settings(c, &plan, c.IsSet); err != nil {
		return err
	}
	base := c.String("base")
	if slices.Contains(old.Names(), base) && !exists(base) {
		plan.Base, base = base, ""
	}
	var s *studies.Study
	var inLists []string
	if len(args)+len(targets) == 0 && base == "" {
		if s, err = studies.Again(dir, old, plan); err != nil {
			return err
		}
		for name, path := range moved {
			if err := s.Files.Give(name, path); err != nil {
				return err
			}
		}
		note(c, fmt.Sprintf("nothing is read: the products are taken over from %s", old.Dir()))
	} else if s, inLists, err = createFrom(c, dir, args, old, plan); err != nil {
		return err
	}
	return runNew(c, dir, []*studies.Study{s}, inLists)
}

// movedSources tells old which of args say where a source of it is now, by its name, and
// returns the others and where those are. A file called as a source that is where it was
// is meant only if the name is given.
func movedSources(c *cli.Context, old *studies.Files, args []string) (rest []string, moved map[string]string, err error) {
	moved = map[string]string{}
	for _, arg := range args {
		name, path := nameAndPath(arg)
		is := slices.Contains(old.Names(), name) && !isRecord(path)
		if called := nameOf(path); name == "" && !shelf.IsList(path) && slices.Contains(old.Names(), called) && !exists(old.Path(called)) {
			name, is = called, true
		}
		switch {
		case !is:
			rest = append(rest, arg)
			continue
		case path == "":
			return nil, nil, usage("the path of a model is empty: %q", arg)
		case shelf.IsList(path):
			return nil, nil, usage("optimize: %s is a list of models, and %s is the name of one", path, name)
		case moved[name] != "":
			return nil, nil, usage("optimize: %s is said to be %s and %s", name, moved[name], path)
		}
		if err := old.Give(name, path); err != nil {
			return nil, nil, err
		}
		err := old.CheckSource(c.Context, name)
		if errors.Is(err, studies.ErrChanged) {
			err = fmt.Errorf("%w; for a new model say --source OTHER-NAME=%s", err, path)
		}
		if err != nil {
			return nil, nil, err
		}
		moved[name] = path
	}
	return rest, moved, nil
}

// createFrom starts a study with models that old has not. It returns the names of those
// that are in lists, too.
func createFrom(c *cli.Context, dir string, args []string, old *studies.Files, plan studies.Plan) (s *studies.Study, inLists []string, err error) {
	open, err := newGivens(c, slices.Concat(c.StringSlice("target"), []string{c.String("base")}, args))
	if err != nil {
		return nil, nil, err
	}
	config := studies.Config{Plan: plan, From: old}
	var taken, opened []*studies.Given
	defer func() { closeAll(opened) }()
	for _, name := range old.Names() {
		g, err := old.Given(c.Context, name)
		if err != nil {
			return nil, nil, err
		}
		taken, opened = append(taken, g), append(opened, g)
		if name == plan.Base {
			config.Base = g
		} else {
			config.Sources = append(config.Sources, g)
		}
	}
	if targets := c.StringSlice("target"); len(targets) == 0 {
		if config.Target, err = old.GivenTarget(c.Context); err != nil {
			return nil, nil, err
		}
	} else if config.Target, err = open.single("target", targets[0]); err != nil {
		return nil, nil, err
	}
	opened = append(opened, config.Target)
	if c.String("base") != "" && c.String("base") != plan.Base {
		g, err := open.single("base", c.String("base"))
		if err != nil {
			return nil, nil, err
		}
		taken, opened = append(taken, g), append(opened, g)
		if config.Base != nil { // it stays a source
			config.Sources = append([]*studies.Given{config.Base}, config.Sources...)
		}
		config.Base = g
	}
	if len(args) > 0 {
		var found []*studies.Given
		found, inLists, err = gatherSources(c, open, args, []*studies.Given{config.Target}, taken, plan.Template)
		if err != nil {
			return nil, nil, err
		}
		config.Sources, opened = append(config.Sources, found...), append(opened, found...)
	}
	s, err = studies.Create(dir, config)
	if err != nil {
		return nil, nil, err
	}
	sayLacks(c, config)
	if len(s.Plan.Fingerprints()) > 0 {
		return s, inLists, nil
	}
	first := old.Names()[0]
	if now := s.Plan.Sources[0].Name; now != first {
		note(c, fmt.Sprintf("all is read anew: models are measured from %s now, and in %s from %s", now, old.Dir(), first))
		return s, inLists, nil
	}
	note(c, fmt.Sprintf("the products of %s are taken over from %s; the files are read for those with what is new", strings.Join(old.Names(), ", "), old.Dir()))
	return s, inLists, nil
}
