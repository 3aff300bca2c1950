package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/checkpoint"
	"mixmatch/merge/exchange"
	"mixmatch/merge/open"
	"mixmatch/merge/safetext"
	"mixmatch/merge/shelf"
	"mixmatch/studies"
	"mixmatch/studies/report"
)

// isDropped reports whether the arguments are paths and nothing else, as where files
// are dropped onto the program.
func isDropped(args []string) bool {
	return len(args) > 0 && !slices.ContainsFunc(args, func(a string) bool { return !exists(a) })
}

// A drop is what was dropped, by what can be done with it.
type drop struct {
	models, loras []*inspection
	recipes       []string // paths
}

// dropped tells what files and folders are, and what can be done with them next.
func dropped(c *cli.Context, paths []string) error {
	d := &drop{}
	var errs []error
	for _, path := range paths {
		if err := d.tell(c, path); err != nil {
			errs = append(errs, err)
		} else {
			fmt.Fprintln(c.App.Writer)
		}
	}
	d.next(c)
	return joined(errs)
}

// tell tells what is at path.
func (d *drop) tell(c *cli.Context, path string) error {
	if _, err := studies.OpenFiles(path); err == nil || studies.Members(path) != nil {
		return tellStudies(c, path)
	} else if !errors.Is(err, studies.ErrMissing) {
		return err
	}
	if shelf.IsList(path) {
		s, err := listed(c, "", path)
		if err != nil {
			return err
		}
		var passed []string
		for _, f := range s.Files {
			if err := d.tell(c, f); err != nil {
				passed = append(passed, reason(f, err))
			}
		}
		sayPassed(c, passed)
		return nil
	}
	if is, err := isFingerprint(path); err == nil && is {
		return tellFingerprint(c, path)
	}
	f, err := open.File(path)
	if err != nil {
		if d.recipe(c, path) {
			return nil
		}
		return err
	}
	defer f.Close()
	return d.model(c, f)
}

// model tells what a model file is.
func (d *drop) model(c *cli.Context, f *checkpoint.File) error {
	in, err := inspect(f)
	if err != nil {
		return err
	}
	switch {
	case in.LoRA != nil:
		d.loras = append(d.loras, in)
	case in.Kind != "":
		d.models = append(d.models, in)
	}
	return in.print(c.App.Writer)
}

// recipe tells the steps of a recipe, and reports whether the file is one.
func (d *drop) recipe(c *cli.Context, path string) bool {
	text, isModel, err := readDocument(path)
	if err != nil || isModel {
		return false
	}
	r, _, err := importRecipe(text, exchange.Recognize(text), "")
	if err != nil || len(r.Steps) == 0 {
		return false
	}
	fmt.Fprintf(c.App.Writer, "%s: a recipe of %s\n%s", safetext.Line(path), strings.Join(r.Sources(), ", "), safetext.Text(r.String()))
	d.recipes = append(d.recipes, path)
	return true
}

// tellStudies tells what the studies in a folder found out.
func tellStudies(c *cli.Context, dir string) error {
	dirs := []string{dir}
	if members := studies.Members(dir); members != nil {
		dirs = nil
		for _, name := range members {
			dirs = append(dirs, filepath.Join(dir, name))
		}
	}
	for _, d := range dirs {
		sum, err := studies.ReadSummary(d)
		if errors.Is(err, studies.ErrPending) {
			fmt.Fprintf(c.App.Writer, "%s: a study that is not finished\n\nNext:\n  mixmatch resume %s\n", safetext.Line(d), report.Quote(d))
			continue
		}
		if err != nil {
			return err
		}
		if err := showStudy(c, d, sum); err != nil {
			return err
		}
	}
	return nil
}

// next says what can be done with the models and recipes.
func (d *drop) next(c *cli.Context) {
	w := c.App.Writer
	if len(d.models)+len(d.loras)+len(d.recipes) == 0 {
		return
	}
	fmt.Fprintln(w, "Next, in a terminal:")
	var paths []string
	for _, m := range d.models {
		paths = append(paths, report.Quote(m.Path))
		if m.Made != nil && m.Made.Notation != "" {
			d.recipes = append(d.recipes, m.Path)
		}
	}
	var loras string
	for _, l := range d.loras {
		loras += " --source " + report.Quote(l.Path)
	}
	switch {
	case len(paths) > 1:
		fmt.Fprintf(w, "  mixmatch compare %s\n", strings.Join(paths, " "))
		fmt.Fprintf(w, "  mixmatch optimize NEW-STUDY --target %s --source %s%s\n", paths[0], strings.Join(paths[1:], " --source "), loras)
	case len(paths) == 1:
		fmt.Fprintf(w, "  mixmatch optimize NEW-STUDY --target %s --source FOLDER-OF-MODELS%s\n", paths[0], loras)
		fmt.Fprintf(w, "  mixmatch compare %s FOLDER-OF-MODELS\n", paths[0])
	case len(d.loras) > 0:
		fmt.Fprintf(w, "  mixmatch optimize NEW-STUDY --target MODEL.safetensors --source FOLDER-OF-MODELS%s\n", loras)
	}
	for _, r := range d.recipes {
		fmt.Fprintf(w, "  mixmatch convert %s -\n", report.Quote(r))
		fmt.Fprintf(w, "  mixmatch merge %s -o NEW-MODEL.safetensors --models FOLDER-OF-MODELS\n", report.Quote(r))
	}
}

// waits reports whether the program waits for a key before it ends: where it was
// started by files that were dropped onto it, or by a double click, in a console that
// ends with it.
func waits(args []string) bool {
	return (len(args) == 1 || isDropped(args[1:])) && ownConsole()
}

// waitForKey waits for the enter key.
func waitForKey() {
	fmt.Fprint(os.Stderr, "\nPress Enter to close this window.")
	_, _ = os.Stdin.Read(make([]byte, 1)) // whatever comes of it, it is time to go
}
