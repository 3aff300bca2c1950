package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge/open"
	"mixmatch/merge/safetext"
	"mixmatch/similarity/library/postgres"
)

func libraryQueueCommand() *cli.Command {
	return &cli.Command{
		Name: "queue", Usage: "put files into a library's queue, for any number of workers", ArgsUsage: "URL MODEL...",
		Description: `A library in PostgreSQL has a queue of files, from which workers take one after the
other until none is left:

   mixmatch library queue postgres://db.example.org/models /data/models
   mixmatch library work postgres://db.example.org/models      on each machine, as often as you like
   mixmatch library queue postgres://db.example.org/models --status
   mixmatch library queue postgres://db.example.org/models --retry     what failed, once more

MODEL is a file, a folder or a wildcard. The queue has the absolute path, by which all
machines must find the file, and each path once: a file that is done is not taken again. What in a folder is no
model, a VAE for one, is skipped.
The password comes from PGPASSWORD or ~/.pgpass, and need not be in the URL.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "status", Usage: "print how many files wait, are worked on, are done and failed, and why"},
			&cli.BoolFlag{Name: "retry", Usage: "let workers take again what failed"},
			&cli.BoolFlag{Name: "json", Usage: "with --status: as JSON"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but the result"},
		},
		Action: libraryQueueAction,
	}
}

func libraryQueueAction(c *cli.Context) error {
	name := called(c)
	files := c.Args().Slice()
	if len(files) > 0 {
		files = files[1:]
	}
	switch {
	case c.NArg() == 0:
		return usage("%s: name the URL of a library; see mixmatch %[1]s --help", name)
	case c.Bool("status") && (c.Bool("retry") || len(files) > 0):
		return usage("%s: --status changes nothing: give it with no model and without --retry", name)
	case c.Bool("json") && !c.Bool("status"):
		return usage("%s: --json is for --status", name)
	case len(files) == 0 && !c.Bool("status") && !c.Bool("retry"):
		return usage("%s: name files or folders, or say --status or --retry", name)
	}
	jobs, err := queueJobs(c, files)
	if err != nil {
		return err
	}
	l, err := openQueue(c, c.Args().First(), !c.Bool("status"))
	if err != nil {
		return err
	}
	defer l.Close()
	if c.Bool("status") {
		return queueStatus(c, l)
	}
	if c.Bool("retry") {
		n, err := l.Retry(c.Context)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "%d that failed can be taken again\n", n)
	}
	if len(jobs) == 0 {
		return nil
	}
	n, err := l.Queue(c.Context, jobs)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%d put into the queue, %d in it before\n", n, len(jobs)-n)
	return err
}

// openQueue opens a library that has a queue: one in a database.
func openQueue(c *cli.Context, where string, create bool) (*postgres.Library, error) {
	if !postgres.Is(where) {
		return nil, usage("%s: %s is no database, and a folder has no queue: fill it with \"library add\", and share the work with --shard", called(c), where)
	}
	return postgres.Open(c.Context, where, create)
}

// queueJobs returns the files that args stand for, as workers elsewhere find them.
func queueJobs(c *cli.Context, args []string) ([]postgres.Job, error) {
	all, err := listFiles(c, args)
	if err != nil {
		return nil, err
	}
	var jobs []postgres.Job
	for _, ch := range all {
		name, path := nameAndPath(ch.arg)
		var parts []string // of a model that is several files
		for _, part := range open.Paths(path) {
			if _, err := os.Stat(part); err != nil {
				return nil, absent("", err)
			}
			if part, err = filepath.Abs(part); err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		jobs = append(jobs, postgres.Job{Path: strings.Join(parts, "+"), Name: name, Listed: ch.list != ""})
	}
	return jobs, nil
}

func queueStatus(c *cli.Context, l *postgres.Library) error {
	s, err := l.Status(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c, s)
	}
	w := c.App.Writer
	_, err = fmt.Fprintf(w, "waiting  %d\nworking  %d\ndone     %d\nskipped  %d\nfailed   %d\n", s.Waiting, len(s.Working), s.Done, len(s.Skipped), len(s.Failed))
	for _, f := range s.Working {
		_, err = fmt.Fprintf(w, "working  %s (%s)\n", safetext.Line(f.Path), safetext.Line(f.Worker))
	}
	list := func(state string, files []postgres.Failure) {
		for _, f := range files {
			_, err = fmt.Fprintf(w, "%s  %s (%s)\n", state, safetext.Line(f.Error), safetext.Line(f.Worker))
		}
	}
	list("skipped", s.Skipped)
	list("failed ", s.Failed)
	return err
}
