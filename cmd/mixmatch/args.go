package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// reorder moves a command's flags in front of its arguments, so that people can
// write them in any order. The flag package stops at the first argument and
// would take every flag after it for one more. It would also let the last of
// several --base win without a word, which is an error here.
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
	words := 2 // the program and the command, and of a group the command in it
	if len(args) > 2 {
		if in := slices.IndexFunc(cmd.Subcommands, func(s *cli.Command) bool { return s.Name == args[2] }); in >= 0 {
			cmd, words = cmd.Subcommands[in], 3
		}
	}
	command, name := slices.Clone(args[:words]), strings.Join(args[1:words], " ")
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
	for i := words; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			rest = append(rest, a)
			continue
		}
		flag, _, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if flag == "help" || flag == "h" {
			return append(command, "--help"), nil
		}
		if once := single[flag]; once != "" {
			if given[once] {
				return nil, usage("%s: --%s is given twice", name, once)
			}
			given[once] = true
		}
		flags = append(flags, a)
		if !takesValue[flag] || hasValue {
			continue
		}
		if i+1 == len(args) {
			return nil, usage("%s: %s wants a value", name, a)
		}
		i++
		flags = append(flags, args[i])
	}
	out := append(command, flags...)
	return append(append(out, "--"), rest...), nil
}

// wrongUsage is the error for flags that cannot be read. Left alone, the
// library prints the whole help on stdout.
func wrongUsage(c *cli.Context, err error, isCommand bool) error {
	message := err.Error()
	if name, ok := strings.CutPrefix(message, "flag provided but not defined: -"); ok {
		var names []string
		for _, f := range c.Command.VisibleFlags() {
			for _, n := range f.Names() {
				names = append(names, "--"+n)
			}
		}
		name = "--" + strings.TrimLeft(name, "-")
		message = "there is no flag " + name + meant(name, names)
	}
	if m := badValue.FindStringSubmatch(message); m != nil {
		message = fmt.Sprintf("--%s wants a number, not %s", m[2], m[1])
	}
	if isCommand {
		return usage("%s: %s; see mixmatch %[1]s --help", called(c), message)
	}
	return usage("%s; see mixmatch --help", message)
}

// badValue is what the library says of a value that is no number.
var badValue = regexp.MustCompile(`^invalid value (".*") for flag -(\S+): .*$`)

// called returns what the command is called by, with the group that it is in.
func called(c *cli.Context) string { return strings.TrimPrefix(c.Command.HelpName, c.App.Name+" ") }

// one returns the only argument of a command, or an error that says what it
// should have been.
func one(c *cli.Context, what string) (string, error) {
	name := called(c)
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

// otherEndings are those of model files that hold something else than what is
// written here.
var otherEndings = []string{".ckpt", ".pt", ".pth", ".bin", ".gguf", ".zip", ".onnx"}

// modelName refuses a name for a model that says that it is of another format
// than it would be.
func modelName(c *cli.Context, path string) error {
	ext := filepath.Ext(path)
	if slices.Contains(otherEndings, strings.ToLower(ext)) {
		return usage("%s: -o %s: models are written as safetensors, which programs do not look for in a %s file; name it %s",
			c.Command.Name, path, ext, strings.TrimSuffix(path, ext)+".safetensors")
	}
	return nil
}

// folderOf refuses a file to write, named by a flag, whose folder is not there.
func folderOf(c *cli.Context, flag, out string) error {
	if folder := filepath.Dir(out); out != "" && !exists(folder) {
		return usage("%s: %s %s: there is no folder %s: make it first", called(c), flag, out, folder)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// threads returns how many threads to work with. More than there are processors
// help nobody, and each takes memory.
func threads(c *cli.Context) int { return min(c.Int("threads"), runtime.NumCPU()) }

// checkThreads refuses a number of threads that there cannot be.
func checkThreads(c *cli.Context, n int) error {
	if n < 0 { // 0 is the default
		return usage("%s: --threads %d: give 1 or more", called(c), n)
	}
	return nil
}
