package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/block"
	"mixmatch/merge/safetext"
	"mixmatch/similarity/library/postgres"
)

func libraryWorkCommand() *cli.Command {
	return &cli.Command{
		Name: "work", Usage: "add the files of a library's queue until none is left", ArgsUsage: "URL",
		Description: `Takes a file that no other worker has from the queue of a library in PostgreSQL,
adds its fingerprint, and goes on with the next (see library queue). A file that cannot
be read is marked with the reason. When a worker ends, is killed, or its machine is gone,
others take its file.

   mixmatch library work postgres://db.example.org/models

It ends when no file is left that nobody has; with --wait, when all are done.`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "wait", Usage: "stay until the files of other workers are done, too, should one of those end early"},
		}, fingerprinterFlags()...),
		Action: libraryWorkAction,
	}
}

// waitBetween is how long a worker that has nothing to do waits before it looks again.
const waitBetween = 2 * time.Second

// maxAbsent is how many files in a row may not be there until the fault is taken to be
// this machine's, and not theirs.
const maxAbsent = 3

func libraryWorkAction(c *cli.Context) error {
	name := called(c)
	switch {
	case c.NArg() == 0:
		return usage("%s: name the URL of a library; see mixmatch %[1]s --help", name)
	case c.NArg() > 1:
		return usage("%s: the files come from the queue; put more into it with \"library queue\"", name)
	}
	p, err := newFingerprinter(c)
	if err != nil {
		return err
	}
	defer p.close()
	l, err := openQueue(c, c.Args().First(), true)
	if err != nil {
		return err
	}
	defer l.Close()
	host, _ := os.Hostname()
	w, err := l.Worker(c.Context, fmt.Sprintf("%s:%d", host, os.Getpid()))
	if err != nil {
		return err
	}
	defer w.Close()
	meter := newMeter(c)
	defer meter.end()
	done, failed, absent := 0, 0, 0
	var first error // of those that failed
	for {
		j, others, err := w.Take(c.Context)
		switch {
		case err != nil:
			return err
		case j == nil && others > 0 && c.Bool("wait"):
			meter.to("waiting for other workers", 0, 0, false)
			select {
			case <-c.Context.Done():
				return c.Context.Err()
			case <-time.After(waitBetween):
			}
			continue
		case j == nil:
			meter.end()
			if others > 0 {
				note(c, fmt.Sprintf("other workers still read %d; should one of them end early, start a worker again", others))
			}
			if failed > 0 {
				text := fmt.Sprintf("%s: %d of %s could not be read, for the reasons above; \"library queue\" with --retry has them tried again", name, failed, countOf(failed+done, "file", "files"))
				return partError{text, first}
			}
			return nil
		}
		bad, err := workOn(p, l, w, j, meter)
		if err != nil {
			return err
		}
		if bad == nil {
			done, absent = done+1, 0
			continue
		}
		if failed++; first == nil {
			first = bad
		}
		if absent++; !errors.Is(bad, fs.ErrNotExist) && !errors.Is(bad, fs.ErrPermission) {
			absent = 0
		}
		if absent == maxAbsent {
			return fmt.Errorf("%s: %w: that is the third in a row that is not there: is the folder mounted on this machine?", name, bad)
		}
	}
}

// workOn adds the file of a job. If that cannot be read, it is marked, and why is
// returned as bad.
func workOn(p *fingerprinter, l *postgres.Library, w *postgres.Worker, j *postgres.Job, meter *meter) (bad, err error) {
	c := p.c
	if content, ok := p.known(j.Path); ok {
		if has, err := l.Has(c.Context, content); err != nil {
			return nil, err
		} else if has {
			return nil, told(c, j, "there already", w.Known(c.Context, j, content))
		}
	}
	arg := j.Path
	if j.Name != "" {
		arg = j.Name + "=" + j.Path
	}
	size := max(1, sizeOf(j.Path))
	f, bad := p.make(arg, func(part float64) { meter.to("reading "+j.Path, int64(part*float64(size)), size, true) })
	meter.end()
	switch {
	case c.Context.Err() != nil:
		// Nobody has to wait until the server finds out.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), 5*time.Second)
		defer cancel()
		_ = w.GiveBack(ctx, j) // else the end of the connection does
		return nil, c.Context.Err()
	case bad != nil && j.Listed && errors.Is(bad, block.ErrModel):
		note(c, reason(j.Path, bad)+"; it is skipped")
		return nil, w.Skip(c.Context, j, reason(j.Path, bad))
	case bad != nil:
		fmt.Fprintf(os.Stderr, "note: %s; it is left out\n", safetext.Line(reason(j.Path, bad))) // also with --quiet
		return bad, w.Fail(c.Context, j, reason(j.Path, bad))
	}
	added, err := w.Finish(c.Context, j, f)
	if !added {
		return nil, told(c, j, "there already", err)
	}
	return nil, told(c, j, "added", err)
}

// told prints what became of a file.
func told(c *cli.Context, j *postgres.Job, what string, err error) error {
	if err == nil {
		_, err = fmt.Fprintf(c.App.Writer, "%s: %s\n", safetext.Line(j.Path), what)
	}
	return err
}
