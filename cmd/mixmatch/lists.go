package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/open"
	"mixmatch/merge/safetext"
	"mixmatch/merge/shelf"
)

// A choice is a model that may take part: one that is named on the command line, or
// one of a list that is, a folder or a wildcard. What is named must fit; what is in a
// list takes part if it does.
type choice struct {
	arg  string // [NAME=]PATH
	list string // "" if it is named itself
}

// choices returns the models that args stand for, each file once.
func choices(c *cli.Context, args []string) ([]choice, error) {
	var all []choice
	for _, arg := range args {
		name, path := nameAndPath(arg)
		if isRecord(path) || !shelf.IsList(path) {
			all = append(all, choice{arg: arg})
			continue
		}
		s, err := listed(c, name, path)
		if err != nil {
			return nil, err
		}
		for _, f := range s.Files {
			all = append(all, choice{f, path})
		}
		for _, f := range s.Folders {
			if !slices.ContainsFunc(args, func(a string) bool { return merge.SameFile(a, f) }) {
				note(c, fmt.Sprintf("%s is a folder: name it, too, to have the models in it", f))
			}
		}
	}
	var taken []string // named files come before those in lists
	for _, ch := range all {
		if ch.list == "" {
			_, path := nameAndPath(ch.arg)
			taken = append(taken, open.Paths(path)...)
		}
	}
	return slices.DeleteFunc(all, func(ch choice) bool {
		if ch.list == "" {
			return false
		}
		twice := slices.ContainsFunc(taken, func(p string) bool { return merge.SameFile(p, ch.arg) })
		taken = append(taken, ch.arg)
		return twice
	}), nil
}

// listed returns what is in a list, of which there must be something.
func listed(c *cli.Context, name, path string) (*shelf.Shelf, error) {
	if name != "" {
		return nil, usage("%s: %s is a list of models, and %s is the name of one", called(c), path, name)
	}
	s, err := shelf.List(path)
	switch {
	case errors.Is(err, shelf.ErrWildcard):
		return nil, usage("%s: %w", called(c), err)
	case err != nil:
		return nil, err
	case len(s.Files) == 0 && len(s.Folders) > 0:
		return nil, usage("%s: there are no models in %s itself; name a folder in it, such as %s", called(c), path, s.Folders[0])
	case len(s.Files) == 0 && exists(path):
		return nil, usage("%s: there are no models in the folder %s", called(c), path)
	case len(s.Files) == 0:
		return nil, usage("%s: there are no models called %s", called(c), path)
	}
	return s, nil
}

// single returns the one model that arg of a flag stands for, and refuses a list of
// several.
func single(c *cli.Context, flag, arg string) (string, error) {
	name, path := nameAndPath(arg)
	if !shelf.IsList(path) {
		return arg, nil
	}
	s, err := listed(c, name, path)
	if err != nil {
		return "", err
	}
	files := s.Files
	if len(files) == 1 {
		return files[0], nil
	}
	const most = 10
	var names []string
	for _, f := range files[:min(most, len(files))] {
		names = append(names, filepath.Base(f))
	}
	if len(files) > most {
		names = append(names, fmt.Sprintf("and %d more", len(files)-most))
	}
	return "", usage("%s: --%s is one model, and %s are several: %s", called(c), flag, path, strings.Join(names, ", "))
}

// openSingle opens the one model that arg of a flag stands for.
func openSingle(c *cli.Context, flag, arg string) (*merge.Model, error) {
	arg, err := single(c, flag, arg)
	if err != nil {
		return nil, err
	}
	m, err := openModel(c, arg)
	return m, absent("--"+flag+" ", err)
}

// A gathered is a model that was opened, with the list it is from.
type gathered[T any] struct {
	model T
	list  string
}

// gather opens models. What is in a list and cannot be opened, or does not fit those
// that were found before, is passed over, and why is returned. On an error nothing is
// left open.
func gather[T io.Closer](all []choice, open func(arg string) (T, error), fits func(found []gathered[T], m T) error) (found []gathered[T], passed []string, err error) {
	for _, ch := range all {
		m, err := open(ch.arg)
		if err == nil && ch.list != "" {
			if err = fits(found, m); err != nil {
				m.Close()
			}
		}
		switch {
		case err == nil:
			found = append(found, gathered[T]{m, ch.list})
		case ch.list == "":
			closeAll(models(found))
			return nil, nil, err
		default:
			passed = append(passed, reason(ch.arg, err))
		}
	}
	return found, passed, nil
}

// models returns what was gathered.
func models[T any](all []gathered[T]) []T {
	var ms []T
	for _, g := range all {
		ms = append(ms, g.model)
	}
	return ms
}

// reason says why the file at path is passed over.
func reason(path string, err error) string {
	text := safetext.Line(err.Error())
	if strings.HasPrefix(text, path) {
		return text
	}
	return path + ": " + text
}

// sayPassed says what was passed over in lists.
func sayPassed(c *cli.Context, passed []string) {
	switch len(passed) {
	case 0:
	case 1:
		note(c, passed[0]+"; it takes no part")
	default:
		note(c, fmt.Sprintf("%d files take no part:", len(passed)))
		for _, p := range passed {
			say(c, "  %s", safetext.Line(p))
		}
	}
}

// nothingLeft is the error where nothing in lists takes part.
func nothingLeft(c *cli.Context, what string, passed []string) error {
	const most = 3
	more := ""
	if len(passed) > most {
		more = fmt.Sprintf("; and %d more", len(passed)-most)
	}
	return usage("%s: %s: %s%s", called(c), what, strings.Join(passed[:min(most, len(passed))], "; "), more)
}
