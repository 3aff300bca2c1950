package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/durable"
	"mixmatch/similarity/fingerprint"
)

const fingerprintHelp = `Brings models down to some 400 KB each, from which the sources of a merge can be
found as from the models themselves. A MODEL may be a folder or a wildcard, or a LoRA.

   mixmatch fingerprint model.safetensors              writes model.mmf
   mixmatch fingerprint model.safetensors -o a.mmf --hash --page https://example.org/a
   mixmatch fingerprint models -o prints               one each, into the folder prints
   mixmatch inspect model.mmf

Licence and page are read from the file where it tells them (modelspec.license and the
like). For many models, see mixmatch library.`

func fingerprintCommand() *cli.Command {
	return &cli.Command{
		Name: "fingerprint", Usage: "bring models down to what finds them in a merge", ArgsUsage: "MODEL...", Description: fingerprintHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the `FILE.mmf`, or a folder (default: the model's name in this folder)"},
			&cli.StringFlag{Name: "name", Usage: "what the model is called (default: as its file)"},
			&cli.StringFlag{Name: "licence", Aliases: []string{"license"}, Usage: "the model's licence"},
			&cli.StringFlag{Name: "page", Usage: "the `ADDRESS` of the page where it can be had"},
			&cli.BoolFlag{Name: "force", Usage: "replace files that exist"},
		}, fingerprinterFlags()...),
		Action: fingerprintAction,
	}
}

func fingerprintAction(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) == 0 {
		return usage("fingerprint: name a MODEL; see mixmatch fingerprint --help")
	}
	files, err := listFiles(c, args)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(ch choice) bool { return ch.list != "" && filepath.Ext(ch.arg) == fingerprint.Extension })
	if len(files) == 0 {
		return usage("fingerprint: there are no models in %s", args[0])
	}
	several := len(files) > 1
	if several && c.IsSet("name") {
		return usage("fingerprint: --name is for one model, and these are %d", len(files))
	}
	outs, err := fingerprintOutputs(c, files, several)
	if err != nil {
		return err
	}
	p, err := newFingerprinter(c)
	if err != nil {
		return err
	}
	defer p.close()
	p.card = fingerprint.Card{Licence: c.String("licence"), Page: c.String("page")}
	w := &work{c: c, p: p, files: files}
	text, done := "", 0
	w.each(func(i int, f *fingerprint.Fingerprint) error {
		if name := c.String("name"); name != "" {
			f.Name = name
		}
		size, err := writeFingerprint(outs[i], f, c.Bool("force"))
		if err == nil {
			done++
			text += fmt.Sprintf("%s: %.0f KB, the fingerprint of %s (%s)\n", show(outs[i]), float64(size)/1e3, show(f.Name), kindOf(string(f.Arch), f.Variant, f.Difference))
		}
		return err
	}, func(i int) (bool, error) {
		if !several || c.Bool("force") || !exists(outs[i]) {
			return false, nil
		}
		note(c, outs[i]+" is there already: --force makes it anew")
		return true, nil
	})
	if errors.Is(w.err, context.Canceled) {
		say(c, "stopped; %d of %s written", done, countOf(len(files), "fingerprint was", "fingerprints were"))
		return silentError{w.err}
	}
	if w.err != nil {
		return w.err
	}
	if !several && w.tally.first != nil {
		return w.tally.first
	}
	if err := w.tally.end(len(files), fmt.Sprintf("%d were written", done)); err != nil {
		return err
	}
	_, err = fmt.Fprint(c.App.Writer, text)
	return err
}

// fingerprintOutputs returns where the fingerprints of files are to be written.
func fingerprintOutputs(c *cli.Context, files []choice, several bool) ([]string, error) {
	out := c.String("output")
	info, err := os.Stat(out)
	isFolder := out != "" && (err == nil && info.IsDir() || os.IsPathSeparator(out[len(out)-1]))
	isFile := filepath.Ext(out) == fingerprint.Extension && !isFolder
	switch {
	case out == "" || isFolder:
	case several && (isFile || err == nil):
		return nil, usage("fingerprint: -o %s is a file, and the models are several: name a folder", out)
	case several:
		isFolder = true
	case !isFile:
		return nil, usage("fingerprint: -o %s: fingerprints are called %s; the name of a folder that is not there yet must end with %c", out, fingerprint.Extension, os.PathSeparator)
	default:
		if err := folderOf(c, "-o", out); err != nil {
			return nil, err
		}
	}
	if isFolder {
		if err := os.MkdirAll(out, 0o777); err != nil {
			return nil, err
		}
	}
	outs := make([]string, len(files))
	from := map[string]string{}
	for i, ch := range files {
		name, path := nameAndPath(ch.arg)
		if name == "" {
			name = nameOf(path)
		}
		switch outs[i] = name + fingerprint.Extension; {
		case isFolder:
			outs[i] = filepath.Join(out, outs[i])
		case out != "":
			outs[i] = out
		}
		if other := from[outs[i]]; other != "" {
			return nil, usage("fingerprint: %s and %s would both be written to %s: name them apart, as NAME=%s", other, path, outs[i], path)
		}
		if from[outs[i]] = path; !several && exists(outs[i]) && !c.Bool("force") {
			return nil, usage("fingerprint: %s: %w; choose another name, or --force to replace it", outs[i], fs.ErrExist)
		}
		if is, err := isFingerprint(path); err == nil && is {
			return nil, usage("fingerprint: %s is a fingerprint already", path)
		}
	}
	return outs, nil
}

// writeFingerprint writes a fingerprint and returns its size.
func writeFingerprint(path string, f *fingerprint.Fingerprint, force bool) (int, error) {
	text, err := f.Append(nil)
	if err != nil {
		return 0, err
	}
	w, err := durable.Create(path, int64(len(text)), force)
	if err != nil {
		return 0, err
	}
	defer w.Abort()
	if _, err := w.Write(text); err != nil {
		return 0, err
	}
	return len(text), w.Commit()
}
