package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/similarity/fingerprint"
	"mixmatch/similarity/library"
)

func libraryMergeCommand() *cli.Command {
	return &cli.Command{
		Name: "merge", Usage: "take the records of other libraries over into the first", ArgsUsage: "LIB LIB...",
		Description: `   mixmatch library merge lib part0 part1 part2
   mixmatch library merge new damaged       all sound records of a library

The first is made if it is not there. A record whose model it has stays as it is. One
that is damaged is told of in one line, and the others are taken over.`,
		Action: libraryMergeAction,
	}
}

func libraryMergeAction(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) < 2 || slices.Contains(args, "") {
		return usage("library merge: name two LIBs or more; see mixmatch library merge --help")
	}
	for _, from := range args[1:] {
		if merge.SameFile(args[0], from) {
			return usage("library merge: %s is the library that the others are taken over into", from)
		}
		l, err := openLibrary(c, from, false) // all of them, before anything is done
		if err != nil {
			return err
		}
		l.Close()
	}
	into, err := openLibrary(c, args[0], true)
	if err != nil {
		return err
	}
	defer into.Close()
	t := &taking{c: c, into: into}
	for _, from := range args[1:] {
		if err = t.take(from); err != nil {
			break
		}
	}
	result := fmt.Sprintf("%s taken over, %d there already", countOf(t.taken, "record", "records"), t.there)
	switch {
	case errors.Is(err, context.Canceled):
		say(c, "stopped: %s; the same command goes on", result)
		return silentError{err}
	case err != nil:
		return err
	case t.damaged > 0:
		return fmt.Errorf("%w: what is damaged is lost, as said above; %s", library.ErrDamaged, result)
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s: %s\n", showLibrary(args[0]), result)
	return err
}

// A taking is records being taken over into a library.
type taking struct {
	c                     *cli.Context
	into                  library.Library
	taken, there, damaged int
}

// take takes over what the library from has.
func (t *taking) take(from string) error {
	l, err := openLibrary(t.c, from, false)
	if err != nil {
		return err
	}
	defer l.Close()
	problem := func(text string) {
		t.damaged++
		note(t.c, text)
	}
	passDamaged(l, func(bad error) { problem(plainly(bad)) })
	var todo []string
	err = l.Entries(t.c.Context, func(e *library.Entry) error {
		has, err := t.into.Has(t.c.Context, e.Content)
		if has {
			t.there++
		} else {
			todo = append(todo, e.Content)
		}
		return err
	})
	if err != nil {
		return err
	}
	meter := newMeter(t.c)
	defer meter.end()
	for i, content := range todo {
		meter.to("taking over "+showLibrary(from), int64(i), int64(len(todo)), false)
		var f *fingerprint.Fingerprint
		err := l.Load(t.c.Context, []string{content}, func(p *fingerprint.Fingerprint) error {
			f = p
			return nil
		})
		if errors.Is(err, library.ErrDamaged) {
			meter.end()
			problem(plainly(err)) // what to do is being done
			continue
		}
		if err != nil {
			return err
		}
		added, err := t.into.Add(t.c.Context, f)
		switch {
		case err != nil:
			return err
		case added:
			t.taken++
		default:
			t.there++
		}
	}
	return nil
}
