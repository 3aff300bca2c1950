package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/checkpoint"
	"mixmatch/merge/exchange"
	"mixmatch/merge/open"
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
		return nil, err
	}
	sayFileNotes(c, m.File)
	return m, nil
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

// sayFileNotes says what was assumed or passed over when a file was opened.
func sayFileNotes(c *cli.Context, f *checkpoint.File) {
	for _, n := range f.Notes() {
		say(c, "note: %s: %s", f.Path(), n)
	}
}

// nameOf returns the name of the model at path: that of its first file, or folder.
func nameOf(path string) string { return recipe.NameOf(filepath.Clean(open.Paths(path)[0])) }

// readRecipe reads the recipe in the file at path, which may be a pipe, a
// document of another program, or a model whose metadata tell of its making. It
// returns notation. What such a document says of its block map goes into the
// flag --era, unless the user said otherwise.
func readRecipe(c *cli.Context, path string) (string, error) {
	text, isModel, err := readDocument(path)
	if err != nil {
		return "", err
	}
	format := "metadata"
	if !isModel {
		format = exchange.Recognize(text)
	}
	if format == "text" {
		if len(text) > recipe.MaxText {
			return "", usage("%s: more than a megabyte: that is no recipe", path)
		}
		// Read here for its notes alone. What is wrong with it is found again
		// when it is known what models it is for.
		if _, notes, err := importRecipe(text, format, ""); err == nil {
			sayNotes(c, notes)
		}
		text, _, err := exchange.Decode(text)
		if err != nil {
			return "", usage("%s: %w", path, err)
		}
		return string(text), nil
	}
	r, notes, err := importRecipe(text, format, "")
	sayNotes(c, notes)
	if err != nil {
		return "", usage("%s: %w", path, err)
	}
	if era := string(r.Layout.Era()); !c.IsSet("era") && era != string(block.ErasOf(r.Layout.Arch())[0]) {
		say(c, "%s is for the block map %s", path, era)
		return r.String(), c.Set("era", era)
	}
	return r.String(), nil
}

// importRecipe reads a document that may not state what models it is for. Those
// are of arch, or of any if that is "".
func importRecipe(text []byte, format string, arch block.Arch) (*recipe.Recipe, []string, error) {
	r, notes, err := exchange.Import(text, format, nil, exchange.Options{})
	if err == nil && (arch == "" || r.Layout.Arch() == arch) {
		return r, notes, nil
	}
	others := []block.Arch{arch}
	if arch == "" {
		others = []block.Arch{block.SDXL, block.Flux} // whose vectors are of another length
	}
	for _, arch := range others {
		for _, era := range block.ErasOf(arch) {
			l, bad := block.For(arch, era)
			if bad != nil {
				continue
			}
			if r, notes, bad := exchange.Import(text, format, l, exchange.Options{}); bad == nil {
				return r, notes, nil
			}
		}
	}
	return r, notes, err
}

// readDocument reads the file at path, or stdin if that is "-". Of a model it
// returns the metadata, as JSON.
func readDocument(path string) (text []byte, isModel bool, err error) {
	f := os.Stdin
	if path != "-" {
		if f, err = os.Open(path); err != nil {
			return nil, false, err
		}
		defer f.Close()
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, false, usage("%s is a folder, no recipe; export prints that of a study", path)
	}
	var head [9]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, err
	}
	// As safetensors files begin, and no text does.
	if n == len(head) && head[8] == '{' && binary.LittleEndian.Uint64(head[:]) < 1<<32 && path != "-" {
		m, err := open.File(path)
		if err != nil {
			return nil, true, err
		}
		defer m.Close()
		text, err := json.Marshal(m.Metadata())
		return text, true, err
	}
	text, err = io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(head[:n]), f), exchange.MaxBytes+1))
	switch {
	case err != nil:
		return nil, false, err
	case len(text) > exchange.MaxBytes:
		return nil, false, usage("%s: more than %d megabytes: that is no recipe", path, exchange.MaxBytes>>20)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, false, usage("%s: there is no recipe in it", path)
	}
	return text, false, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
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

// threads returns how many threads to work with. More than there are processors
// help nobody, and each takes memory.
func threads(c *cli.Context) int { return min(c.Int("threads"), runtime.NumCPU()) }
