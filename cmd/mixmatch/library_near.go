package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/safetext"
	"mixmatch/merge/shelf"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
	"mixmatch/similarity/relatives"
)

func libraryNearCommand() *cli.Command {
	return &cli.Command{
		Name: "near", Usage: "the nearest relatives of a model in a library", ArgsUsage: "LIB MODEL",
		Description: `Tells which models of a library are nearest to a model: those with the largest cosine
of what sets each apart from the base that all come from.

   mixmatch library near lib BracingEvoMix.safetensors --base v1-5-pruned-emaonly.safetensors
   mixmatch library near lib OpenBra                     a model of the library, by its name
   mixmatch library near lib unknown.mmf -n 30 --json

MODEL and --base are files of models, fingerprints (.mmf) or names of models in the library.
Without --base, models are told apart from the mean of the library's: that finds relatives
as well where the library has many kinds of models, but its numbers depend on the library.
`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "base", Usage: "the model that the others were trained from (`MODEL`)"},
			&cli.IntFlag{Name: "n", Value: 10, Usage: "how many relatives to tell of"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress and no notes"},
		},
		Action: func(c *cli.Context) error {
			switch {
			case c.NArg() != 2 || c.Args().Get(0) == "" || c.Args().Get(1) == "":
				return usage("library near: name a library and a model; see mixmatch library near --help")
			case c.IsSet("base") && c.String("base") == "":
				return usage("library near: --base: the name of the model is empty")
			case c.Int("n") < 1:
				return usage("library near: -n %d: give 1 or more", c.Int("n"))
			}
			lib, err := openLibrary(c, c.Args().Get(0), false)
			if err != nil {
				return err
			}
			defer lib.Close()
			return near(c, lib, c.Args().Get(1))
		},
	}
}

// A nearResult is what library near found out.
type nearResult struct {
	Model     string         `json:"model"`
	Reference string         `json:"reference"` // "base" or "mean"
	Base      string         `json:"base,omitempty"`
	MeanOf    int            `json:"mean_of,omitempty"` // models
	Screened  int            `json:"screened"`          // models of the library, by coarse fingerprints
	Compared  int            `json:"compared"`          // of these, by fingerprints
	Sure      float64        `json:"sure,omitempty"`    // cosine above which none was passed over
	Relatives []nearRelative `json:"relatives"`
	Notes     []string       `json:"notes,omitempty"`
}

type nearRelative struct {
	fingerprint.Card
	Content    string          `json:"content"`
	Cosine     float64         `json:"cosine"`
	Error      float64         `json:"error"` // standard error of the cosine
	SameBlocks int             `json:"same_blocks"`
	Blocks     int             `json:"blocks"`
	Parts      map[string]bool `json:"same_parts"` // text encoder and VAE, where both have it
}

// near prints the relatives of a model.
func near(c *cli.Context, lib library.Library, arg string) error {
	model, err := printOf(c, lib, "", arg)
	if err != nil {
		return err
	}
	s := relatives.Search{Model: model, Most: c.Int("n")}
	if c.IsSet("base") {
		if s.Base, err = printOf(c, lib, "base", c.String("base")); err != nil {
			return err
		}
	}
	f, err := relatives.Near(c.Context, lib, s)
	if err != nil {
		return err
	}
	r := &nearResult{Model: model.Name, Reference: "mean", MeanOf: f.MeanOf, Screened: f.Models, Compared: f.Compared, Sure: f.Sure, Notes: f.Notes}
	if s.Base != nil {
		r.Reference, r.Base = "base", s.Base.Name
	} else {
		r.Notes = append(r.Notes, fmt.Sprintf("without --base deltas are taken from the mean of %d models of the library", f.MeanOf))
	}
	if f.Sure > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d models were compared, those that seemed nearest: relatives with cosines below %.2f may have been passed over", f.Compared, f.Models, f.Sure))
	}
	for _, x := range f.Relatives {
		r.Relatives = append(r.Relatives, nearRelative{x.Card, x.Content, x.Cosine, x.Error, x.Same, x.Blocks, x.Parts})
	}
	for _, n := range r.Notes {
		note(c, n)
	}
	if c.Bool("json") {
		return printJSON(c, r)
	}
	return r.table(c.App.Writer)
}

// printOf returns the fingerprint that an argument stands for: of a file, or of a model
// of the library.
func printOf(c *cli.Context, lib library.Library, flag, arg string) (*fingerprint.Fingerprint, error) {
	_, path := nameAndPath(arg)
	if !exists(path) {
		return byName(c, lib, arg)
	}
	if flag == "" && shelf.IsList(path) {
		return nil, usage("library near: %s stands for several models: name one", path)
	}
	arg, err := single(c, flag, arg)
	if err != nil {
		return nil, err
	}
	m, err := openMember(c, arg)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if m.print != nil {
		named := *m.print
		named.Name = m.name
		return &named, nil
	}
	meter := newMeter(c)
	defer meter.end()
	return fingerprint.Of(c.Context, m.file, fingerprint.Options{
		Progress: func(done, total int64) { meter.to("reading", done, total, true) },
	})
}

// byName returns the model of the library that has a name, or a content.
func byName(c *cli.Context, lib library.Library, name string) (*fingerprint.Fingerprint, error) {
	var contents []string
	err := lib.Entries(c.Context, func(e *library.Entry) error {
		if !e.Difference && (e.Name == name || e.Content == name) {
			contents = append(contents, e.Content)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(contents) == 0:
		return nil, usage("library near: there is no file %s, and no model of that name in the library", name)
	case len(contents) > 1:
		return nil, usage("library near: %d models in the library are called %s: give the content of one of them: %s", len(contents), name, strings.Join(contents[:2], ", "))
	}
	var found *fingerprint.Fingerprint
	err = lib.Load(c.Context, contents, func(f *fingerprint.Fingerprint) error {
		found = f
		return nil
	})
	if err == nil && found == nil {
		err = errors.New("the library does not hand out what it lists: check it")
	}
	return found, err
}

// table prints the relatives for a terminal.
func (r *nearResult) table(out io.Writer) error {
	const name = 38
	w := &bytes.Buffer{}
	from := fmt.Sprintf("the mean of %d models", r.MeanOf)
	if r.Base != "" {
		from = safetext.Fit(show(r.Base), 30)
	}
	fmt.Fprintf(w, "nearest to %s\n", safetext.Fit(show(r.Model), 68))
	fmt.Fprintf(w, "cosine of deltas from %s\n\n", from)
	fmt.Fprintf(w, "%-*s   cosine        same blocks  text  VAE\n", name, "")
	for _, x := range r.Relatives {
		label := safetext.Fit(show(x.Name), name)
		label += strings.Repeat(" ", name-safetext.Columns(label))
		fmt.Fprintf(w, "%s  %6.3f ± %.3f  %4d of %-3d  %-4s  %s\n", label, x.Cosine, x.Error, x.SameBlocks, x.Blocks, x.part("text encoder"), x.part("VAE"))
	}
	_, err := out.Write(w.Bytes())
	return err
}

// part says whether a part is the same.
func (x *nearRelative) part(name string) string {
	switch same, both := x.Parts[name]; {
	case !both:
		return "-"
	case same:
		return "same"
	}
	return "no"
}
