package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/similarity/fingerprint"
)

func libraryAddCommand() *cli.Command {
	return &cli.Command{
		Name: "add", Usage: "add models, which are read once each", ArgsUsage: "LIB MODEL...",
		Description: `A MODEL is a file, a folder, a wildcard, a LoRA or a fingerprint (.mmf). What is in the
library already is not read again: a command that was stopped goes on where it was,
and any number of them may add to one library at once.

   mixmatch library add lib models
   mixmatch library add lib 'models/*/*.safetensors' --hash
   mixmatch library add lib models --shard 0/8    the first of eight parts

A file that cannot be read is told of in one line, and the others are added; the exit
code is then that of the first such file. What in a folder is no model, a VAE for one,
is passed over.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "shard", Usage: "only part `I/N` of the files, I from 0 to N-1: each is in one part, by its name"},
		}, fingerprinterFlags()...),
		Action: libraryAddAction,
	}
}

func libraryAddAction(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) < 2 || slices.Contains(args, "") {
		return usage("library add: name the LIB and a MODEL; see mixmatch library add --help")
	}
	part, err := parseShard(c, c.String("shard"))
	if err != nil {
		return err
	}
	files, err := listFiles(c, args[1:])
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(ch choice) bool {
		_, path := nameAndPath(ch.arg)
		return !part.has(path)
	})
	p, err := newFingerprinter(c)
	if err != nil {
		return err
	}
	defer p.close()
	lib, err := openLibrary(c, args[0], true)
	if err != nil {
		return err
	}
	defer lib.Close()
	done, there := 0, 0
	w := &work{c: c, p: p, files: files}
	w.each(func(_ int, f *fingerprint.Fingerprint) error {
		added, err := lib.Add(c.Context, f)
		switch {
		case added:
			done++
		case err == nil:
			there++
		}
		return err
	}, func(i int) (bool, error) {
		_, path := nameAndPath(files[i].arg)
		content, ok := p.known(path)
		if !ok {
			return false, nil
		}
		has, err := lib.Has(c.Context, content)
		if has {
			there++
		}
		return has, err
	})
	result := fmt.Sprintf("%s added, %d there already", countOf(done, "model", "models"), there)
	if errors.Is(w.err, context.Canceled) {
		say(c, "stopped: %s; the same command goes on", result)
		return silentError{w.err}
	}
	if w.err != nil {
		return w.err
	}
	if err := w.tally.end(len(files), result); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s: %s\n", showLibrary(args[0]), result)
	return err
}
