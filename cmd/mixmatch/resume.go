package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/durable"
	"mixmatch/merge/safetext"
	"mixmatch/studies"
	"mixmatch/studies/report"
)

// runStudies runs studies to their ends, prints the story of each and keeps it; dir is
// where they are. What several have to read of the same sources is read in one pass.
// It returns what went wrong with each.
func runStudies(c *cli.Context, dir string, all []*studies.Study) []error {
	if len(all) > 0 {
		defer collectOften(len(all[0].Plan.Sources))()
	}
	m := newMeter(c)
	o := studies.Options{Threads: threads(c), NoSimilar: c.Bool("no-similar"), Progress: m.study, Cache: openCache(c), Note: func(text string) {
		m.end()
		note(c, text)
	}}
	errs := make([]error, len(all))
	if len(all) > 1 {
		err := studies.ReadTogether(c.Context, all, o)
		m.end()
		if err = stoppedStudy(c, dir, err); err != nil {
			for i := range errs {
				errs[i] = err
			}
			return errs
		}
	}
	var sums []*studies.Summary
	for i, s := range all {
		sum, err := s.Run(c.Context, o)
		m.end()
		if err == nil {
			err = tell(c, s.Dir, sum, len(sums) > 0)
		}
		if errs[i] = stoppedStudy(c, dir, err); errors.Is(err, context.Canceled) {
			return errs
		}
		if err == nil {
			sums = append(sums, sum)
		}
	}
	if c.Bool("json") && len(sums) > 0 {
		var err error
		if len(all) == 1 {
			err = printJSON(c, sums[0])
		} else {
			err = printJSON(c, sums)
		}
		errs = append(errs, err)
	}
	return errs
}

// stoppedStudy says how to go on with what was interrupted.
func stoppedStudy(c *cli.Context, dir string, err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	sayStopped(c, "stopped; everything finished is kept. See it, or go on, with:\n  mixmatch show %s\n  mixmatch resume %[1]s", report.Quote(dir))
	return silentError{err}
}

// joined returns errors as one, each told once. One that was told already says nothing
// if there are others.
func joined(errs []error) error {
	var told, all []error
	for _, err := range errs {
		var silent silentError
		switch {
		case err == nil || slices.Contains(all, err):
		case errors.As(err, &silent):
			told = append(told, err)
		default:
			all = append(all, err)
		}
	}
	if len(all) == 0 {
		all = told
	}
	return errors.Join(all...)
}

// tell keeps the story of a run and, unless JSON is wanted, prints it, behind others or
// not.
func tell(c *cli.Context, dir string, sum *studies.Summary, behind bool) error {
	if err := keepReport(dir, sum); err != nil || c.Bool("json") {
		return err
	}
	if behind {
		fmt.Fprintln(c.App.Writer)
	}
	return showStudy(c, dir, sum)
}

// keepReport writes the story of a run into its study.
func keepReport(dir string, sum *studies.Summary) error {
	var text bytes.Buffer
	if err := report.Text(&text, sum, report.Page{}); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, "report.txt"), text.Bytes())
}

func printJSON(c *cli.Context, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // <lora:NAME> is to be read
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := c.App.Writer.Write(safetext.Document(text.Bytes()))
	return err
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name: "resume", Usage: "go on with a study", ArgsUsage: "STUDY", Flags: slices.Concat(whereFlags(), []cli.Flag{noCacheFlag()}, runFlags()),
		Description: `Goes on where a study was stopped or killed: no finished trial is lost, and what
comes of it is what would have come of it without the stop. On a finished study
it makes the result anew.

   mixmatch resume evo
   mixmatch resume evo --source OpenBra=D:\old\OpenBra.safetensors    where a model is now
   mixmatch resume evo --models D:\models                             or a folder to look in

In a study from fingerprints these may also be the files that fingerprints are of: once all
are there it is measured exactly.

A model that was moved or touched is known again by its content, which is read for
that; a changed one is refused. Once all have been read a study needs its models no
more: those that are gone are only looked for where they would be read.`,
		Action: func(c *cli.Context) error {
			dir, err := one(c, "the STUDY")
			if err != nil {
				return err
			}
			all, err := openStudies(c, dir)
			if err != nil {
				return err
			}
			defer closeAll(all)
			return joined(runStudies(c, dir, all))
		},
	}
}

// openStudies opens the study in dir, or those in folders of it.
func openStudies(c *cli.Context, dir string) ([]*studies.Study, error) {
	dirs := []string{dir}
	if members := studies.Members(dir); members != nil {
		dirs = nil
		for _, name := range members {
			dirs = append(dirs, filepath.Join(dir, name))
		}
		if c.String("target") != "" {
			return nil, usage("resume: %s holds several studies: say --target for one of them, such as %s", dir, dirs[0])
		}
	}
	var all []*studies.Study
	for _, d := range dirs {
		s, err := studies.Open(d)
		if err == nil {
			all = append(all, s)
			err = locate(c, s.Files)
		}
		if err != nil {
			closeAll(all)
			return nil, err
		}
	}
	return all, nil
}
