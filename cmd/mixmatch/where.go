package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/recipe"
	"mixmatch/merge/safetext"
	"mixmatch/merge/shelf"
	"mixmatch/studies"
)

// modelsVariable names folders to look for models in, beside those of --models.
const modelsVariable = "MIXMATCH_MODELS"

func modelsFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "models", Usage: "look for models that are not where they were in this `FOLDER` and all below it (also: those in the environment's " + modelsVariable + ")"}
}

// whereFlags say where the models of a study are now.
func whereFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "source", Usage: "where a source of the study is now (`[NAME=]PATH`); without a name its content tells which it is"},
		&cli.StringFlag{Name: "target", Usage: "where the target of the study is now (`PATH`)"},
		modelsFlag(),
	}
}

// openFiles returns the files of the study in dir.
func openFiles(c *cli.Context, dir string) (*studies.Files, error) {
	f, err := studies.OpenFiles(dir)
	if err != nil {
		return nil, err
	}
	meter := newMeter(c)
	f.Note = func(text string) {
		meter.end()
		note(c, text)
	}
	f.Checking = func(name string, done, total int64) {
		if meter.to("checking "+name, done, total, true); done >= total {
			meter.end()
		}
	}
	return f, nil
}

// locate tells f what whereFlags say of where its files are.
func locate(c *cli.Context, f *studies.Files) error {
	var lists []string
	for _, arg := range c.StringSlice("source") {
		name, path := nameAndPath(arg)
		switch {
		case path == "":
			return usage("the path of a model is empty: %q", arg)
		case shelf.IsList(path) && name != "":
			return usage("%s: %s is a list of models, and %s is the name of one", c.Command.Name, path, name)
		case shelf.IsList(path):
			lists = append(lists, path)
		case name != "":
			if err := f.Give(name, path); err != nil {
				return err
			}
		default:
			f.GiveAny(path)
		}
	}
	if path := c.String("target"); path != "" {
		f.GiveTarget(path)
	}
	return lookIn(c, f, lists)
}

// lookIn has f look for its files in lists of models, and in the folders of
// modelsFlag.
func lookIn(c *cli.Context, f *studies.Files, lists []string) error {
	folders, inEnv := c.StringSlice("models"), filepath.SplitList(os.Getenv(modelsVariable))
	if err := checkFolders(c, folders); err != nil {
		return err
	}
	if len(lists)+len(folders)+len(inEnv) == 0 {
		return nil
	}
	f.Look = func() ([]string, error) {
		var all []string
		for _, path := range lists {
			s, err := shelf.List(path)
			if err != nil {
				return nil, err
			}
			all = append(all, s.Files...)
		}
		below, err := walkAll(c, folders, inEnv)
		return append(all, below...), err
	}
	return nil
}

// studyFiles returns the files of the models of a study's recipe that --source does
// not name. With --hash they must be those that the study measured, and with --models
// they are looked for.
func studyFiles(c *cli.Context, dir string, r *recipe.Recipe) ([]modelFile, error) {
	files, err := openFiles(c, dir)
	if err != nil {
		return nil, err
	}
	if err := lookIn(c, files, nil); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	for _, arg := range c.StringSlice("source") {
		name, path := nameAndPath(arg)
		if name == "" {
			name = nameOf(path)
		}
		given[name] = true
	}
	var all []modelFile
	for _, name := range files.Names() {
		if given[name] || !slices.Contains(r.Sources(), name) {
			continue
		}
		path := files.Path(name)
		if path == "" && !c.Bool("hash") {
			continue // and no more is known of it than its name
		}
		if c.Bool("hash") || c.IsSet("models") {
			m, err := files.Source(c.Context, name)
			if err != nil {
				return nil, err
			}
			path = m.File.Path()
			m.Close()
		}
		all = append(all, modelFile{name, path})
	}
	return all, nil
}

// checkFolders returns an error unless all are folders.
func checkFolders(c *cli.Context, folders []string) error {
	for _, folder := range folders {
		if info, err := os.Stat(folder); err != nil {
			return usage("%s: --models: %w", c.Command.Name, err)
		} else if !info.IsDir() {
			return usage("%s: --models %s: that is a file, no folder: use --source", c.Command.Name, folder)
		}
	}
	return nil
}

// walkAll returns what may be models in and below folders. One of the environment
// need not be there.
func walkAll(c *cli.Context, folders, inEnv []string) ([]string, error) {
	var all []string
	for i, folder := range append(folders, inEnv...) {
		found, err := shelf.Walk(folder)
		if errors.Is(err, fs.ErrNotExist) && i >= len(folders) {
			note(c, modelsVariable+": there is no folder "+folder)
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// note prints a note on stderr.
func note(c *cli.Context, text string) { say(c, "note: %s", safetext.Line(text)) }
