package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/checkpoint"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/identify"
	"mixmatch/similarity/library"
	"mixmatch/studies/report"
)

const identifyHelp = `Tells what is in a model, from fingerprints: which models, how much of each in every
block, and whether something is missing. The files of the models are not needed.

   mixmatch identify merged.safetensors --library lib
   mixmatch identify merged.mmf --library lib --base lib:v1-5-pruned-emaonly
   mixmatch identify merged.safetensors models          is any of these in it?
   mixmatch identify merged.safetensors A.safetensors B.mmf
   mixmatch identify merged.safetensors --library lib --json | jq .verdict

TARGET is a model or a fingerprint (.mmf). Models that are named in place of a library
are read once each; see mixmatch library for how to read them only once for ever.
--base is the model that the others were trained from: a file, a fingerprint, or
lib:NAME, one in the library.`

func identifyCommand() *cli.Command {
	return &cli.Command{
		Name: "identify", Usage: "tell which models are in a merge, from fingerprints", ArgsUsage: "TARGET [MODEL...]", Description: identifyHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "library", Usage: "the `LIB` to look in"},
			&cli.StringFlag{Name: "base", Usage: "the `MODEL` that the others were trained from"},
			&cli.BoolFlag{Name: "blocks", Usage: "print each block's weights instead"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON (docs/json.md)"},
			&cli.IntFlag{Name: "threads", Usage: "number of threads", DefaultText: "one a processor"},
			noCacheFlag(),
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the result"},
		},
		Action: identifyAction,
	}
}

func identifyAction(c *cli.Context) error {
	args := c.Args().Slice()
	where := c.String("library")
	switch {
	case len(args) == 0 || slices.Contains(args, ""):
		return usage("identify: name the TARGET; see mixmatch identify --help")
	case where == "" && len(args) == 1:
		return usage("identify: name a library with --library, or the models to look among")
	case where != "" && len(args) > 1:
		return usage("identify: look in the library or among the models named, not in both; library add puts them into it")
	case c.Bool("blocks") && c.Bool("json"):
		return usage("identify: --blocks and --json exclude each other: all blocks are in the JSON")
	}
	if err := checkThreads(c, c.Int("threads")); err != nil {
		return err
	}
	targetArg, err := single(c, "TARGET", args[0])
	if err != nil {
		return err
	}
	s := &identifying{c: c, p: &fingerprinter{c: c, kept: openCache(c), threads: threads(c)}}
	defer s.close()
	if where != "" {
		l, err := openLibrary(c, where, false)
		if err != nil {
			return err
		}
		s.lib, s.looked, s.files.Library = l, l, where
	}
	if err := s.findBase(); err != nil {
		return err
	}
	if s.target, err = s.fingerprint(targetArg, "fingerprint of the target"); err != nil {
		return err
	}
	_, s.files.Target = nameAndPath(targetArg)
	if where == "" {
		if err := s.gather(args[1:]); err != nil {
			return err
		}
	}
	if err := s.run(); err != nil {
		return err
	}
	return s.unread
}

// An identifying is a search for sources.
type identifying struct {
	c      *cli.Context
	p      *fingerprinter
	lib    library.Library // if there is one
	looked identify.Library
	base   *fingerprint.Fingerprint
	target *fingerprint.Fingerprint
	models []*library.Entry                    // that were named
	prints map[string]*fingerprint.Fingerprint // of those that are no fingerprints already, by content
	files  report.IdentifiedFiles
	unread error // what of those named could not be read
}

func (s *identifying) close() {
	s.p.close()
	if s.lib != nil {
		s.lib.Close()
	}
}

// fingerprint makes that of the model that arg names, or reads it.
func (s *identifying) fingerprint(arg, what string) (*fingerprint.Fingerprint, error) {
	meter := newMeter(s.c)
	defer meter.end()
	_, path := nameAndPath(arg)
	size := max(1, sizeOf(path))
	return s.p.make(arg, func(part float64) { meter.to(what, int64(part*float64(size)), size, true) })
}

// findBase finds the base: a file or a record of the library.
func (s *identifying) findBase() error {
	arg := s.c.String("base")
	if arg == "" {
		return nil
	}
	if name, ok := strings.CutPrefix(arg, recordPrefix); ok && isRecord(arg) {
		if s.lib == nil {
			return usage("identify: --base %s is a model of a library: say of which with --library", arg)
		}
		found, err := findModels(s.c, s.lib, s.files.Library, []string{name})
		if err != nil {
			return err
		}
		s.files.Base = arg
		return s.lib.Load(s.c.Context, []string{found[0].Content}, func(f *fingerprint.Fingerprint) error {
			s.base = f
			return nil
		})
	}
	one, err := single(s.c, "base", arg)
	if err != nil {
		return err
	}
	if s.base, err = s.fingerprint(one, "fingerprint of the base"); err != nil {
		return absent("--base ", err)
	}
	if _, s.files.Base = nameAndPath(one); s.base.Difference {
		return usage("identify: --base %s is a LoRA, and must be a model", arg)
	}
	if is, err := isFingerprint(s.files.Base); err == nil && !is {
		s.p.like, err = openModel(s.c, one)
		if err != nil {
			return err
		}
	}
	return nil
}

// gather makes the fingerprints of the models that were named.
func (s *identifying) gather(args []string) error {
	files, err := listFiles(s.c, args)
	if err != nil {
		return err
	}
	_, target := nameAndPath(s.files.Target)
	files = slices.DeleteFunc(files, func(ch choice) bool {
		_, path := nameAndPath(ch.arg)
		return ch.list != "" && merge.SameFile(path, target)
	})
	w := &work{c: s.c, p: s.p, files: files}
	s.files.Sources, s.prints = map[string]string{}, map[string]*fingerprint.Fingerprint{}
	w.each(func(i int, f *fingerprint.Fingerprint) error {
		_, path := nameAndPath(files[i].arg)
		switch {
		case s.files.Sources[f.Content] != "":
			note(s.c, fmt.Sprintf("%s is a copy of %s", path, s.files.Sources[f.Content]))
		case s.base != nil && f.Content == s.base.Content:
		case f.Content == s.target.Content:
			note(s.c, path+" is the target itself: it is left out")
		default:
			s.files.Sources[f.Content] = path
			s.models = append(s.models, library.EntryOf(f))
			if is, err := isFingerprint(path); err != nil || !is {
				s.prints[f.Content] = f
			}
		}
		return nil
	}, func(int) (bool, error) { return false, nil })
	if w.err != nil {
		return w.err
	}
	// What could not be read is told of, and the answer is of the others.
	s.unread = w.tally.end(len(files), "the answer is of the others")
	if s.unread != nil && len(s.models) == 0 {
		return s.unread
	}
	s.looked = identify.Among(s.models, s.load)
	return nil
}

// load returns the fingerprint of a model that was named. Those that are files already
// are read again, and need no memory until then.
func (s *identifying) load(content string) (*fingerprint.Fingerprint, error) {
	if f := s.prints[content]; f != nil {
		return f, nil
	}
	path := s.files.Sources[content]
	f, err := readFingerprint(path)
	if err == nil && f.Content != content {
		err = fmt.Errorf("%w: %s is another fingerprint than a moment ago", checkpoint.ErrChanged, path)
	}
	return f, err
}

// run looks for the sources and prints what was found.
func (s *identifying) run() error {
	c := s.c
	meter := newMeter(c)
	r, err := identify.Find(c.Context, s.target, s.looked, identify.Options{
		Base: s.base, Threads: threads(c),
		Progress: func(done, total int) { meter.to("looking", int64(done), int64(total), false) },
	})
	meter.end()
	if errors.Is(err, identify.ErrNothing) {
		return fmt.Errorf("identify: %w", err)
	}
	if err != nil {
		return err
	}
	r.Answers = r.Answer(s.models)
	switch {
	case c.Bool("json"):
		return printJSON(c, r)
	case c.Bool("blocks"):
		return report.IdentifiedBlocks(c.App.Writer, r)
	}
	if err := report.Identified(c.App.Writer, r); err != nil {
		return err
	}
	return report.IdentifiedNext(c.App.Writer, r, s.files)
}
