package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/durable"
	"mixmatch/merge/exchange"
	"mixmatch/merge/open"
	"mixmatch/merge/recipe"
	"mixmatch/studies"
)

// formatList is the part of a command's help that lists formats.
func formatList() string {
	var b strings.Builder
	for _, f := range exchange.Formats() {
		use := ""
		if !f.CanRead {
			use = " (only written)"
		} else if !f.CanWrite {
			use = " (only read)"
		}
		fmt.Fprintf(&b, "   %-21s %s%s\n", f.Name, f.Doc, use)
	}
	return b.String()
}

// formatNames returns the names of the formats for which ok holds.
func formatNames(ok func(exchange.Format) bool) []string {
	var names []string
	for _, f := range exchange.Formats() {
		if ok(f) {
			names = append(names, f.Name)
		}
	}
	return names
}

func canRead(f exchange.Format) bool  { return f.CanRead }
func canWrite(f exchange.Format) bool { return f.CanWrite }

// checkFormat returns an error that lists the formats, if name is none of them.
func checkFormat(c *cli.Context, name string, ok func(exchange.Format) bool) error {
	names := formatNames(ok)
	if c.Command.Name == "export" {
		for _, d := range studyDocuments() {
			names = append(names, d.name)
		}
	}
	if slices.Contains(names, name) {
		return nil
	}
	not := "no format %q"
	if slices.Contains(formatNames(func(exchange.Format) bool { return true }), name) {
		not = "the format %q is only written"
		if slices.Contains(formatNames(canRead), name) {
			not = "the format %q is only read"
		}
	}
	return usage("%s: "+not+": choose %s", c.Command.Name, name, strings.Join(names, ", "))
}

// writerFlags are those of commands that write a recipe as a document.
func writerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "source", Usage: "the file of a model of the recipe, also one that a step makes (`[NAME=]PATH`), for documents that name files"},
		&cli.BoolFlag{Name: "hash", Usage: "read the models' files and name them by their hashes, which some formats need"},
		noCacheFlag(),
		&cli.BoolFlag{Name: "fp16", Usage: "ask the program that will merge to save as fp16"},
		&cli.StringFlag{Name: "date", Usage: "the `DAY` that stands in documents, as 2026-01-31 (default: now)"},
		&cli.BoolFlag{Name: "force", Usage: "replace FILE if it exists"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "do not say what the format cannot express"},
	}
}

// A modelFile is a model by the name that recipes have for it.
type modelFile struct{ name, path string }

// writerOptions reads the flags of writerFlags; files are known beside those
// of --source.
func writerOptions(c *cli.Context, files []modelFile) (exchange.Options, error) {
	opt := exchange.Options{Date: time.Now(), Half: c.Bool("fp16"), Models: map[string]exchange.Model{}}
	if d := c.String("date"); d != "" {
		var err error
		if opt.Date, err = time.Parse(time.DateOnly, d); err != nil {
			return opt, usage("%s: --date %q is no day as 2026-01-31", c.Command.Name, d)
		}
	}
	given, err := openModels(c, c.StringSlice("source"))
	if err != nil {
		return opt, err
	}
	closeAll(given)
	for _, m := range given {
		files = append(files, modelFile{m.Name, m.File.Path()})
	}
	opt.Keys = strangeKeys(files)
	meter := newMeter(c)
	defer meter.end()
	for _, f := range files {
		first := open.Paths(f.path)[0]
		if first != f.path {
			say(c, "note: %s is of several files, and documents name one: that is %s, unless you make it one file with merge first", f.name, first)
		}
		m := exchange.Model{File: filepath.Base(first)}
		if c.Bool("hash") {
			h, err := hashOf(c, f, meter)
			if err != nil {
				return opt, err
			}
			m.SHA256, m.Legacy = h.SHA256, h.Legacy
		}
		opt.Models[f.name] = m
	}
	return opt, nil
}

// hashOf returns the hashes of a model's file, none for one of several files.
func hashOf(c *cli.Context, m modelFile, meter *meter) (merge.Hash, error) {
	f, err := open.File(m.path)
	if err != nil {
		return merge.Hash{}, err
	}
	defer f.Close()
	h, err := merge.HashKnown(c.Context, f, openCache(c), func(done int64) { meter.to("hashing "+m.name, done, -1, true) })
	if errors.Is(err, merge.ErrSeveral) {
		say(c, "note: %s", err)
		return merge.Hash{}, nil
	}
	return h, err
}

// writeDocument writes r to the file out, or to the terminal if that is "" or
// "-", and says what the format cannot express.
func writeDocument(c *cli.Context, r *recipe.Recipe, format, out string, opt exchange.Options, notes []string) error {
	text, more, err := exchange.Export(r, format, opt)
	if err != nil {
		return usage("%s: %w", c.Command.Name, err)
	}
	unknown := func(n string) bool { return strings.Contains(n, "sha256 of") && strings.Contains(n, "not known") }
	if slices.ContainsFunc(more, unknown) && !c.Bool("hash") {
		more = append(more, "--hash computes hashes that are not known, if the files are there")
	}
	return emit(c, text, out, append(notes, more...))
}

// emit writes a document to the terminal or to the file out, and then says what
// there is to note. Names are fit to be shown on a terminal, and
// as they are for programs; see [output].
func emit(c *cli.Context, text []byte, out string, notes []string) error {
	if out == "" || out == "-" {
		if _, err := c.App.Writer.Write(text); err != nil {
			return err
		}
	} else {
		if exists(out) && !c.Bool("force") {
			return usage("%s: %s: %w; choose another name, or --force to replace it", c.Command.Name, out, fs.ErrExist)
		}
		if err := durable.WriteFile(out, text); err != nil {
			return err
		}
	}
	sayNotes(c, notes)
	return nil
}

// sayNotes prints notes, a line each.
func sayNotes(c *cli.Context, notes []string) {
	for _, n := range notes {
		say(c, "note: %s", n)
	}
}

func exportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "print a study's recipe for other programs", ArgsUsage: "STUDY",
		Description: `   mixmatch export evo                      the recipe in SuperMerger's notation
   mixmatch export evo --format cards       what to choose and paste in SuperMerger, step by step
   mixmatch export evo --format mecha -o evo.mecha

Formats:
` + formatList() + `
` + studyDocumentList() + `
What a format cannot say is said on stderr; a format that cannot hold the merge
is refused.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "one of those above (default: by the ending of FILE, else text)"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to this `FILE` instead of the terminal"},
			aimFlag(),
			modelsFlag(),
		}, writerFlags()...),
		Action: exportAction,
	}
}

func exportAction(c *cli.Context) error {
	dir, err := one(c, "the STUDY")
	if err != nil {
		return err
	}
	format, out := c.String("format"), c.String("output")
	if !c.IsSet("format") && out != "" {
		if d := studyDocumentEnding(out); d != nil {
			format = d.name
		} else if format, err = formatOf(c, out, "--format"); err != nil {
			return err
		}
	}
	if format == "" {
		format = "text"
	}
	if d := studyDocumentOf(format); d != nil {
		return d.export(c, dir)
	}
	if err := checkFormat(c, format, canWrite); err != nil {
		return err
	}
	sum, err := studies.ReadSummary(dir)
	if err != nil {
		return err
	}
	r, err := aimed(c, dir, sum)
	if err != nil {
		return err
	}
	files, err := studyFiles(c, dir, r)
	if err != nil {
		return err
	}
	opt, err := writerOptions(c, files)
	if err != nil {
		return err
	}
	var notes []string
	if v := sum.VAE; v.Same && !v.Blended {
		opt.VAE = v.Source
		_, blended := r.Layout.MergesVAE()
		if format != "json" && (blended || v.Source != r.KeySources()[0]) {
			notes = append(notes, fmt.Sprintf("the target has the VAE of %s, not a blend: bake that one in afterwards", v.Source))
		}
	}
	if format == "text" { // with the similarity after each step
		if c.String("aim") == studies.Surely {
			sum.Steps = sum.Steps[:len(r.Steps)]
		}
		return emit(c, []byte(sum.Annotated()), c.String("output"), notes)
	}
	return writeDocument(c, r, format, c.String("output"), opt, notes)
}

func aimFlag() cli.Flag {
	return &cli.StringFlag{Name: "aim", Value: studies.Closest, Usage: "of a study, where a source is missing: closest, all steps; surely, only those whose sources are surely in the target"}
}

// aimed returns the recipe of a study, all of it or as far as it is sure.
func aimed(c *cli.Context, dir string, sum *studies.Summary) (*recipe.Recipe, error) {
	r, err := sum.Aimed(c.String("aim"))
	switch {
	case errors.Is(err, studies.ErrDamaged):
		return nil, damaged(dir, err)
	case err != nil:
		return nil, usage("%s: %w", c.Command.Name, err)
	}
	if n := len(sum.Steps) - len(r.Steps); n > 0 {
		say(c, "note: left out are %d steps that only come closer", n)
	}
	return r, nil
}
