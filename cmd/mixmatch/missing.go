package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint/safetensors"
	"mixmatch/merge/recipe"
	"mixmatch/studies/missing"
)

const missingHelp = `Writes what a study could not explain as a file: the source that is missing, as far
as it can be seen; with --difference, what its recipe leaves of the target, as it
is; with --lora, the LoRA that was baked in, if what is left is one.

   mixmatch missing evo -o unknown.safetensors
   mixmatch missing evo -o left.safetensors --difference
   mixmatch missing evo -o lora.safetensors --lora

A missing source is the base with what is left, divided by its weight: rounding
noise grows by that much, and blocks with too little signal keep the base's
numbers. The table says how much more than rounding is left in each block. Of a
LoRA the rank is told for each kind of matrix, and the recipe printed is the one it
was added to.`

func missingCommand() *cli.Command {
	return &cli.Command{
		Name: "missing", Usage: "write what is missing from a study as a file", ArgsUsage: "STUDY", Description: missingHelp,
		Flags: append(whereFlags(), []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE` to write"},
			&cli.BoolFlag{Name: "difference", Usage: "write what the recipe leaves, not a model"},
			&cli.BoolFlag{Name: "lora", Usage: "write the LoRA that was baked in"},
			&cli.IntFlag{Name: "rank", Usage: "keep no more than `N` directions of a matrix (default: as many as were found)"},
			&cli.StringFlag{Name: "dtype", Usage: dtypeList + " (default: fp16; fp32 for a difference)"},
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it exists"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the result"},
		}...),
		Action: missingAction,
	}
}

func missingAction(c *cli.Context) error {
	dir, err := one(c, "the STUDY")
	if err != nil {
		return err
	}
	out := c.String("output")
	dtype, ok := dtypes[c.String("dtype")]
	switch {
	case out == "":
		return usage("missing: name the file to write with -o")
	case c.Bool("difference") && c.Bool("lora"):
		return usage("missing: --difference writes what is left as it is, and --lora only its strong directions; choose one")
	case c.IsSet("rank") && !c.Bool("lora"):
		return usage("missing: --rank is for --lora")
	case c.IsSet("rank") && c.Int("rank") < 1:
		return usage("missing: --rank %d: give 1 or more", c.Int("rank"))
	case !ok:
		return usage("missing: no dtype %q: choose %s", c.String("dtype"), dtypeList)
	}
	if err := modelName(c, out); err != nil {
		return err
	}
	// What is wrong with the output shows now, not after minutes of reading.
	w, err := safetensors.Create(out, nil, nil, c.Bool("force"))
	if err != nil {
		return err
	}
	w.Abort()
	files, err := openFiles(c, dir)
	if err != nil {
		return err
	}
	if err := locate(c, files); err != nil {
		return err
	}
	defer collectOften(len(files.Plan().Sources))()
	g, err := missing.Open(c.Context, files)
	if errors.Is(err, missing.ErrNothing) {
		return usage("missing: %w", err)
	}
	if err != nil {
		return err
	}
	defer g.Close()
	for _, m := range g.Files() {
		if merge.SameFile(out, m) {
			return usage("missing: %s is a model of the study; choose another name", out)
		}
	}
	meter := newMeter(c)
	defer meter.end()
	o := missing.Options{DType: dtype, Force: c.Bool("force"), Progress: func(done, total int64) { meter.to("writing", done, total, true) }}
	switch {
	case c.Bool("lora"):
		err = writeLoRA(c, g, out, o, meter)
	case c.Bool("difference"):
		if err = g.WriteDifference(c.Context, out, o); err == nil {
			meter.end()
			fmt.Fprintf(c.App.Writer, "%s: what the recipe leaves of %s; added to the recipe's result, it makes the target\n", out, show(g.Summary.Target))
		}
	default:
		err = writeMissing(c, g, out, o, meter)
	}
	if errors.Is(err, missing.ErrNothing) {
		return usage("missing: %w", err)
	}
	if err != nil {
		return stopped(c, err, out)
	}
	for _, n := range g.Notes {
		say(c, "note: %s", n)
	}
	return nil
}

// writeMissing writes the missing source and says how noisy it is.
func writeMissing(c *cli.Context, g *missing.Gap, out string, o missing.Options, meter *meter) error {
	signals, err := g.WriteModel(c.Context, out, o)
	if err != nil {
		return err
	}
	meter.end()
	m := g.Summary.Missing
	if m != nil {
		fmt.Fprintf(c.App.Writer, "%s: the missing source as far as it can be seen, from about %.0f %% of it in %s\n", out, 100*m.Weight, show(g.Summary.Target))
	}
	return signalTable(c.App.Writer, signals)
}

func signalTable(w io.Writer, signals []missing.Signal) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "  block\tweight\tsignal to rounding\n")
	for _, s := range signals {
		note := ""
		if !s.Seen {
			note = "\tnothing, or too little: the base's numbers"
		}
		fmt.Fprintf(tw, "  %s\t%.3f\t%.3g%s\n", s.Block, s.Weight, s.Ratio, note)
	}
	return tw.Flush()
}

// writeLoRA finds the LoRA, writes it, and prints what it is and the recipe that it
// was added to.
func writeLoRA(c *cli.Context, g *missing.Gap, out string, o missing.Options, meter *meter) error {
	a, err := g.FindLoRA(c.Context, func(done, total int64) { meter.to("looking", done, total, false) })
	if err != nil {
		return err
	}
	name := recipe.NameOf(filepath.Base(out))
	err = g.WriteLoRA(c.Context, out, name, a, c.Int("rank"), o)
	meter.end()
	if err != nil {
		return err
	}
	for _, n := range a.Notes {
		say(c, "note: %s", n)
	}
	w := c.App.Writer
	fmt.Fprintf(w, "%s: %s\n", out, a.Result)
	_, err = fmt.Fprintf(w, "The recipe that it was added to; with it, %.4f %% of the target's difference from %s is explained:\n\n%s", 100*a.Explained, show(g.From()), a.Recipe)
	return err
}
