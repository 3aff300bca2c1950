package main

import (
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/merge/exchange"
	"mixmatch/merge/recipe"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name: "convert", Usage: "turn a recipe from one program's form into another's", ArgsUsage: "IN OUT",
		Description: `IN is a document in one of the formats below, a merged model whose metadata tell
of its making, or - for stdin. OUT is a file, or - for the terminal.

   mixmatch convert merged.safetensors -            the recipe that a model holds
   mixmatch convert mergehistory.csv steps.txt --result MyMix
   mixmatch convert steps.txt steps.mecha --arch sdxl
   mixmatch convert steps.txt - --to cards

Formats:
` + formatList() + `
IN is recognised by its content, the format of OUT by its ending. What is lost, or
was assumed, is said on stderr; a format that cannot hold the merge is refused.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the `FORMAT` of IN"},
			&cli.StringFlag{Name: "to", Usage: "the `FORMAT` of OUT"},
			&cli.StringFlag{Name: "arch", Usage: "the kind of models, if IN does not say, as inspect calls it: sd1, sd2, sdxl, flux, sd3-24 and others (default: sd1)"},
			&cli.StringFlag{Name: "era", Usage: "block map, if IN does not say: " + join(block.Eras()) + " (default: the first that knows the models)"},
			&cli.StringFlag{Name: "result", Usage: "the model of IN whose steps are wanted (default: the last)"},
			&cli.BoolFlag{Name: "lenient", Usage: "skip the lines of IN that are no notation, as for a whole article"},
		}, writerFlags()...),
		Action: convertAction,
	}
}

func convertAction(c *cli.Context) error {
	in, out := c.Args().Get(0), c.Args().Get(1)
	switch {
	case c.NArg() != 2:
		return usage("convert: name two files, IN and OUT (- for the terminal); see mixmatch convert --help")
	case in == "" || out == "":
		return usage("convert: the name of a file is empty")
	}
	to := c.String("to")
	if to == "" {
		var err error
		if to, err = formatOf(c, out, "--to"); err != nil {
			return err
		}
	}
	if err := checkFormat(c, to, canWrite); err != nil {
		return err
	}
	from := c.String("from")
	if from != "" {
		if err := checkFormat(c, from, canRead); err != nil {
			return err
		}
	}
	var l *block.Layout
	if arch, era := block.Arch(c.String("arch")), block.Era(c.String("era")); arch != "" || era != "" {
		if arch == "" {
			arch = block.SD1
		}
		var err error
		l, err = block.Default(arch)
		if era != "" {
			l, err = block.For(arch, era)
		}
		if err != nil {
			return usage("convert: %w", err)
		}
	}
	text, isModel, err := readDocument(in)
	if err != nil {
		return err
	}
	if isModel {
		from = "metadata"
	}
	opt, err := writerOptions(c, nil)
	if err != nil {
		return err
	}
	opt.Recipe = recipe.Options{Result: c.String("result"), Lenient: c.Bool("lenient")}
	r, notes, err := exchange.Import(text, from, l, opt)
	if err != nil {
		sayNotes(c, notes)
		if xl, bad := block.For(block.SDXL, block.Eras()[0]); l == nil && bad == nil {
			if _, _, bad := exchange.Import(text, from, xl, opt); bad == nil {
				return usage("%s: %w; with --arch sdxl it can be read", in, err)
			}
		}
		return usage("%s: %w", in, err)
	}
	return writeDocument(c, r, to, out, opt, notes)
}

// formatOf returns the format that a file's ending stands for. Of several that
// share one, it is the most useful. Flag is the one that names another.
func formatOf(c *cli.Context, path, flag string) (string, error) {
	ext := strings.ToLower(filepath.Ext(path))
	if path == "-" || ext == "" {
		return "text", nil
	}
	if ext == ".yaml" {
		ext = ".yml"
	}
	for _, f := range exchange.Formats() {
		if f.Ext == ext && f.CanWrite {
			return f.Name, nil
		}
	}
	return "", usage("%s: no format ends in %s: name one with %s", c.Command.Name, ext, flag)
}
