package main

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/open"
	"mixmatch/merge/recipe"
)

// openModel opens a model given as PATH or NAME=PATH, and says what was passed
// over in it.
func openModel(c *cli.Context, arg string) (*merge.Model, error) {
	return openAs(c, arg, merge.OpenModel)
}

// openSource opens a model, or a LoRA, likewise.
func openSource(c *cli.Context, arg string) (*merge.Model, error) {
	return openAs(c, arg, merge.OpenSource)
}

func openAs(c *cli.Context, arg string, how func(name, path string) (*merge.Model, error)) (*merge.Model, error) {
	name, path := nameAndPath(arg)
	if path == "" {
		return nil, usage("the path of a model is empty: %q", arg)
	}
	if name == "" {
		name = nameOf(path)
	}
	m, err := how(name, path)
	if err != nil {
		return nil, absent("", err)
	}
	sayFileNotes(c, m.File)
	return m, nil
}

// absent says of a file that is not there just that, and what flag named it, as
// "--base ", if that is known. Other errors it returns as they are.
func absent(flag string, err error) error {
	var at *fs.PathError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &at) {
		return err
	}
	return noFileError{flag, at}
}

// A noFileError says that a file is not there.
type noFileError struct {
	flag string
	*fs.PathError
}

func (e noFileError) Error() string { return e.flag + e.Path + ": there is no such file" }
func (e noFileError) Unwrap() error { return e.PathError }

// sayFileNotes says what was assumed or passed over when a file was opened.
func sayFileNotes(c *cli.Context, f *checkpoint.File) {
	for _, n := range f.Notes() {
		say(c, "note: %s: %s", f.Path(), n)
	}
}

// nameOf returns the name of the model at path: that of its first file, or folder.
func nameOf(path string) string { return recipe.NameOf(filepath.Clean(open.Paths(path)[0])) }

// nameAndPath splits [NAME=]PATH.
func nameAndPath(arg string) (name, path string) {
	if n, p, ok := strings.Cut(arg, "="); ok && n != "" && !exists(arg) && !isRecord(arg) { // names of records may have a "="
		return n, p
	}
	return "", arg
}

// openModels opens several. On an error none is left open.
func openModels(c *cli.Context, args []string) ([]*merge.Model, error) {
	return openAll(args, func(arg string) (*merge.Model, error) { return openModel(c, arg) })
}

// openSources opens several models or LoRAs. On an error none is left open.
func openSources(c *cli.Context, args []string) ([]*merge.Model, error) {
	return openAll(args, func(arg string) (*merge.Model, error) { return openSource(c, arg) })
}

// openAll opens what args name. On an error nothing is left open.
func openAll[T io.Closer](args []string, open func(arg string) (T, error)) ([]T, error) {
	var all []T
	for _, a := range args {
		f, err := open(a)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func closeAll[T io.Closer](all []T) {
	for _, f := range all {
		f.Close()
	}
}
