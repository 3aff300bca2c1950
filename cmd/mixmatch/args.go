package main

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/recipe"
)

// reorder moves a command's flags in front of its arguments, so that people can
// write them in any order. The flag package stops at the first argument and
// would take every flag after it for one more. It would also let the last of
// several --target win without a word, which is an error here.
func reorder(app *cli.App, args []string) ([]string, error) {
	for _, a := range args {
		if !utf8.ValidString(a) {
			// Recipes, plans and metadata are UTF-8: a name would not come back as it was.
			return nil, usage("%q is not UTF-8: rename the file", a)
		}
	}
	if len(args) > 1 && args[1] == "help" {
		args = append(append([]string{args[0]}, args[2:]...), "--help")
	}
	if len(args) < 2 || strings.HasPrefix(args[1], "-") {
		return args, nil
	}
	cmd := app.Command(args[1])
	if cmd == nil || slices.Contains(args, "--generate-bash-completion") {
		return args, nil
	}
	single := map[string]string{} // what a flag that may be given once is called
	takesValue := map[string]bool{}
	for _, f := range cmd.Flags {
		_, isBool := f.(*cli.BoolFlag)
		_, isSlice := f.(*cli.StringSliceFlag)
		for _, n := range f.Names() {
			takesValue[n] = !isBool
			if !isBool && !isSlice {
				single[n] = f.Names()[0]
			}
		}
	}
	var flags, rest []string
	given := map[string]bool{}
	for i := 2; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			rest = append(rest, a)
			continue
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if name == "help" || name == "h" {
			return []string{args[0], args[1], "--help"}, nil
		}
		if once := single[name]; once != "" {
			if given[once] {
				return nil, usage("%s: --%s is given twice", args[1], once)
			}
			given[once] = true
		}
		flags = append(flags, a)
		if !takesValue[name] || hasValue {
			continue
		}
		if i+1 == len(args) {
			return nil, usage("%s: %s wants a value", args[1], a)
		}
		i++
		flags = append(flags, args[i])
	}
	out := append([]string{args[0], args[1]}, flags...)
	return append(append(out, "--"), rest...), nil
}

// wrongUsage is the error for flags that cannot be read. Left alone, the
// library prints the whole help on stdout.
func wrongUsage(c *cli.Context, err error, isCommand bool) error {
	message := strings.Replace(err.Error(), "flag provided but not defined: -", "there is no flag --", 1)
	if isCommand {
		return usage("%s: %s; see mixmatch %[1]s --help", c.Command.Name, message)
	}
	return usage("%s; see mixmatch --help", message)
}

// one returns the only argument of a command, or an error that says what it
// should have been.
func one(c *cli.Context, what string) (string, error) {
	name := c.Command.Name
	switch {
	case c.NArg() == 0:
		return "", usage("%s: name %s; see mixmatch %[1]s --help", name, what)
	case c.NArg() > 1:
		return "", usage("%s: name only %s, not also %q; see mixmatch %[1]s --help", name, what, c.Args().Get(1))
	case c.Args().First() == "":
		// An unset variable of a script, most likely. As a path it would mean the
		// current folder.
		return "", usage("%s: the name of %s is empty", name, what)
	}
	return c.Args().First(), nil
}

// openModel opens a model given as PATH or NAME=PATH.
func openModel(arg string) (*merge.Model, error) {
	name, path := merge.NameOf(arg), arg
	if n, p, ok := strings.Cut(arg, "="); ok && n != "" && !exists(arg) {
		name, path = n, p
	}
	if path == "" {
		return nil, usage("the path of a model is empty: %q", arg)
	}
	return merge.OpenModel(name, path)
}

// readRecipe reads the recipe in the file at path, which may be a pipe.
func readRecipe(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, recipe.MaxText+1))
	if err != nil {
		return "", err
	}
	switch {
	case len(text) > recipe.MaxText:
		return "", usage("%s: more than a megabyte: that is no recipe", path)
	case len(bytes.TrimSpace(text)) == 0:
		return "", usage("%s: there is no recipe in it", path)
	}
	return string(text), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openModels opens several. On an error none is left open.
func openModels(args []string) ([]*merge.Model, error) {
	var models []*merge.Model
	for _, a := range args {
		m, err := openModel(a)
		if err != nil {
			closeModels(models)
			return nil, err
		}
		models = append(models, m)
	}
	return models, nil
}

func closeModels(models []*merge.Model) {
	for _, m := range models {
		m.Close()
	}
}

// threads returns how many threads to work with. More than there are processors
// help nobody, and each takes memory.
func threads(c *cli.Context) int { return min(c.Int("threads"), runtime.NumCPU()) }
